"""Names whose values are sensitive, as data: ``api_key``, ``requestId``, ``user``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from chatlab.corpus.sanitizer.placeholders import PHONE, is_trivial
from chatlab.text.randomness import is_id, is_random, looks_random


class Strictness(Enum):
    """What a value must be like to be removed when it is beside a name.

    SECRET: any value of one word. PHRASE: also a value of several words. NAMED: any short value.
    ID: it must look like an id. RANDOM: it must look random. LONG: it must look random, in one
    piece and longer than any error code.
    """

    SECRET = auto()
    PHRASE = auto()
    NAMED = auto()
    ID = auto()
    RANDOM = auto()
    LONG = auto()


@dataclass(frozen=True, slots=True)
class Named:
    """What the value of some names is. form: its placeholder, ``{}`` standing for the word."""

    kind: str
    form: str
    strictness: Strictness
    names: str


COOKIE: Final = "cookie"
HOST_NAME: Final = "host name"

NAMED: Final = (
    Named(
        "API key",
        "{}",
        Strictness.SECRET,
        """api_key openai_key ocp_apim_subscription_key subscription_key account_key access_key
        shared_access_key aws_access_key_id access_key_id license_key master_key virtual_key
        encryption_key signing_key secret_key host_key function_key""",
    ),
    Named(
        "password",
        "{}",
        Strictness.PHRASE,
        "password passwd pwd passphrase db_pass pgpassword mysql_pwd smtp_pass "
        "密码 口令 パスワード 비밀번호 пароль",
    ),
    Named(
        "secret",
        "{}",
        Strictness.SECRET,
        """secret client_secret secret_access_key webhook_secret app_secret private_key
        hmac secret_value credential credentials 密钥 秘钥 x_amz_credential x_goog_credential
        otp verification_code authorization proxy_authorization connection_string dsn""",
    ),
    Named(
        "token",
        "{}",
        Strictness.SECRET,
        """access_token refresh_token id_token auth_token bearer_token session_token security_token
        api_token csrf_token xsrf_token vault_token private_token job_token oauth_token
        service_token client_assertion saml_response x_amzn_oidc_data 令牌 トークン""",
    ),
    Named(COOKIE, "{}", Strictness.PHRASE, "cookie set_cookie cookies"),
    Named(
        "token",
        "{}",
        Strictness.RANDOM,
        "token key auth jwt state nonce assertion session sid hash key_hash ticket ref key_id",
    ),
    Named("token", "{}", Strictness.LONG, "code"),
    Named(
        "signature",
        "{}",
        Strictness.RANDOM,
        """signature sig x_amz_signature x_goog_signature x_oss_signature thought_signature policy
        encrypted_content key_pair_id""",
    ),
    Named(
        "request id",
        "req_{}",
        Strictness.ID,
        """request_id req_id amzn_request_id amzn_requestid amz_request_id apim_request_id
        client_request_id ms_request_id oneapi_request_id log_id tt_logid correlation_id
        correlation_request_id activity_id invocation_id vercel_id amz_id_2 host_id amz_cf_id
        eagleid transaction_id incident_id error_id reference_id ref_id support_id event_id
        generation_id operation_id 请求id 请求编号 リクエストid""",
    ),
    Named(
        "trace id",
        "trace_{}",
        Strictness.ID,
        """trace_id span_id parent_id b3_traceid cloud_trace_context traceparent amzn_trace_id
        uber_trace_id dd_trace_id cf_ray ray_id ray cray 追踪id 链路id""",
    ),
    Named(
        "session id",
        "sess_{}",
        Strictness.ID,
        "session_id conversation_id thread_id run_id message_id chat_id 会话id",
    ),
    Named(
        "call id",
        "call_{}",
        Strictness.ID,
        """call_id tool_call_id tool_use_id item_id response_id previous_response_id completion_id
        batch_id""",
    ),
    Named("id", "{}", Strictness.RANDOM, "id uuid guid oid instance prompt_cache_key"),
    Named(
        "organization",
        "org-{}",
        Strictness.NAMED,
        """organization organization_id org org_id openai_organization organisation enterprise_id
        anthropic_organization_id company company_id 组织id""",
    ),
    Named(
        "project",
        "{}",
        Strictness.NAMED,
        """项目id project project_id project_name openai_project gcp_project google_cloud_project
        quota_project_id project_number resource_group resource_group_name workspace_id workspace
        goog_user_project team_id team_name team database_id""",
    ),
    Named(
        "user",
        "user_{}",
        Strictness.NAMED,
        """user user_id username user_name user_email owner created_by principal full_name
        first_name last_name safety_identifier end_user_id customer customer_id
        用户名 用户id ユーザー名 사용자""",
    ),
    Named(
        "account",
        "{}",
        Strictness.NAMED,
        """account account_id account_number account_name aws_account_id subscription_id tenant_id
        tenant tenant_name client_id installation_id billing_account owner_id member_id
        账号 账户id 帐号 租户id""",
    ),
    Named(
        "phone number",
        PHONE,
        Strictness.ID,
        "phone phone_number mobile mobile_phone cell_phone tel telephone msisdn fax "
        "手机号 手机号码 手机 电话 電話番号",
    ),
    Named(
        HOST_NAME,
        "{}",
        Strictness.NAMED,
        """hostname host_name node_name pod pod_name computername machine_name container_name
        instance_id device_id vm_name""",
    ),
)
"""Names in any spelling (``api_key``, ``x-api-key``, ``apiKey``), by what their values are."""

_ENDINGS: Final = (
    *("apikey", "secretkey", "accesskey", "accountkey", "masterkey", "password", "passwd"),
    *("secret", "key"),
    *("accesstoken", "authtoken", "privatekey", "connectionstring", "token", "requestid"),
    *("traceid", "sessionid", "accountid", "projectid", "userid"),
)
_SAID: Final = re.compile(
    r"(?i)\b(?:required|invalid|incorrect|must|missing|wrong|field|please|cannot|not|failed|expired)\b"
)
_OWN_RULES: Final = re.compile(r"(?i)arn:|[a-z][a-z0-9+.-]{1,20}:\\?/\\?/|projects/|users/")
_NOUNS: Final = frozenset(
    (
        *("user", "owner", "customer", "principal", "account", "tenant", "team", "project"),
        *("organization", "organisation", "org", "company", "workspace", "pod"),
    )
)
_SETTING: Final = re.compile(r"[A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,12}")
_LONGEST_NAME: Final = 80
_ONE_LONG_PIECE: Final = re.compile(r"[A-Za-z0-9_.~/+=-]{20,}")
_SEPARATORS: Final = str.maketrans("", "", "_-. ")


def _folded(name: str) -> str:
    return name.translate(_SEPARATORS).lower()


_BY_NAME: Final = {_folded(name): named for named in NAMED for name in named.names.split()}
_FOREIGN: Final = (name for name in _BY_NAME if not name.isascii())
OTHER_SCRIPTS: Final = tuple(
    name.removesuffix("id") + ("\\ ?[Ii][Dd]" if name.endswith("id") else "")
    for name in sorted(_FOREIGN, key=len, reverse=True)
)
"""Patterns of the names that are not written in ASCII, the longest first."""


@lru_cache(maxsize=4096)
def lookup_key(name: str) -> Named | None:
    """What the values of `name` are, or None when it gives nothing away."""
    if len(name) > _LONGEST_NAME:
        return None
    folded = _folded(name)
    found = _BY_NAME.get(folded)
    if found is None and folded.startswith(("xms", "x")):
        found = _BY_NAME.get(folded[1:]) or _BY_NAME.get(folded[3:])
    if found is None:
        ending = next((end for end in _ENDINGS if folded.endswith(end)), "")
        found = _BY_NAME.get(ending)
    return found


def names_its_neighbour(name: str) -> bool:
    """Whether, in a list of two texts, `name` says what the second one is, as in raw headers.

    ``["user", "assistant"]`` is a list of roles; ``["openai-organization", "acme"]`` is a header.
    """
    named = lookup_key(name)
    return named is not None and name.lower() not in _NOUNS


def _is_a_name(value: str) -> bool:
    """Whether `value` is itself the name of a setting, as in ``KEY = "AWS_SECRET_ACCESS_KEY"``."""
    folded = _folded(value[:_LONGEST_NAME])
    known = folded in _BY_NAME or folded.removeprefix("x") in _BY_NAME
    return known or (_SETTING.fullmatch(value) is not None and lookup_key(value) is not None)


def must_redact(named: Named, value: str, *, loosely: bool = False) -> bool:
    """Whether `value`, beside a name of this meaning, must go.

    loosely: the name stood in a sentence, so that a plain word after it is just the next word.
    """
    if named.strictness in (Strictness.RANDOM, Strictness.LONG) and not is_random(value):
        return False
    if named.strictness is Strictness.LONG and not _ONE_LONG_PIECE.fullmatch(value):
        return False
    if is_trivial(value) or _OWN_RULES.match(value) or _is_a_name(value):
        return False
    if named.strictness in (Strictness.RANDOM, Strictness.LONG):
        return True
    if named.strictness is Strictness.ID or (loosely and named.strictness is Strictness.NAMED):
        return is_id(value) or (not loosely and looks_random(value))
    if loosely and not any(map(str.isdigit, value)):
        return is_random(value)
    if named.kind == HOST_NAME and "." in value:
        return False
    words = len(value.split())
    if named.strictness is Strictness.SECRET:
        return words == 1
    return words <= 3 if named.strictness is Strictness.NAMED else not _SAID.search(value)
