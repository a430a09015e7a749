"""Secrets that give themselves away by their form: keys, tokens, passwords in addresses."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from chatlab.corpus.sanitizer.escapes import as_read
from chatlab.corpus.sanitizer.hosts_and_paths import in_documentation_link
from chatlab.corpus.sanitizer.key_value import Take, replaced
from chatlab.corpus.sanitizer.placeholders import WORD, is_own, is_trivial
from chatlab.text.randomness import is_id, is_random, looks_random
from chatlab.text.secrets import (
    KEYS,
    SCHEMES,
    SHAPES,
    USERINFO,
    Prefixed,
    PrefixTable,
    Shape,
    continues_as_key,
    start,
)

_ID: Final = r"[A-Za-z0-9]{6,80}(?:[-_][A-Za-z0-9]{3,80}){0,6}"
"""What may follow the prefix of an id."""

_IDS: Final = (
    Prefixed(
        "request id", _ID, ("req_", "req-", "request_", "request-", "chatcmpl-", "cmpl-", "gen-")
    ),
    Prefixed(
        "response id", _ID, ("resp_", "chatcmpl-tool-", "embd-", "rerank-", "imggen-", "modr-")
    ),
    Prefixed("message id", _ID, ("msg_", "msg_bdrk_", "msg_vrtx_", "msg-", "event_", "evt_")),
    Prefixed(
        "call id",
        _ID,
        (
            "call_",
            "call-",
            "toolu_",
            "toolu_bdrk_",
            "toolu_vrtx_",
            "srvtoolu_",
            "tooluse_",
            "mcptoolu_",
        ),
    ),
    Prefixed(
        "item id",
        _ID,
        (
            *("fc_", "rs_", "ws_", "ig_", "ci_", "mcp_", "mcpl_", "mcpr_", "item_", "fs_", "cu_"),
            *("ctc_", "lsh_", "at_", "cmp_"),
        ),
    ),
    Prefixed("run id", _ID, ("run_", "run-", "step_", "batch_", "msgbatch_", "ftjob-", "eval_")),
    Prefixed(
        "thread id", _ID, ("thread_", "conv_", "conversation_", "asst_", "cntr_", "container_")
    ),
    Prefixed("session id", _ID, ("sess_", "session_", "session-", "sesn_", "cse_")),
    Prefixed("file id", _ID, ("file-", "file_", "vs_", "upload_", "skill_")),
    Prefixed("organization id", _ID, ("org-", "org_", "wrkspc_", "team_", "team-")),
    Prefixed("project id", _ID, ("proj_", "proj-", "prj_")),
    Prefixed("user id", _ID, ("user-", "user_", "usr_", "acct_", "cus_", "apikey_", "key_")),
    Prefixed("deployment id", _ID, ("dpl_", "icfg_", "next-edge-")),
    Prefixed("trace id", _ID, ("trace_", "trace-", "span_", "cf-ray-", "edge-")),
)
"""Ids: they name an account, a person or one call."""

_TABLE: Final = PrefixTable((*_IDS, *KEYS))
"""Ids and secrets, found in one pass."""

_SCHEME: Final = re.compile(
    rf"\b(?:{'|'.join(SCHEMES)})"
    r"(?:[ ]{1,2}|%20|\+)(?P<value>[A-Za-z0-9][A-Za-z0-9+/=_.~:-]{7,8191})",
    re.IGNORECASE,
)
_MASKED: Final = re.compile(
    start("_-") + r"(?:[A-Za-z0-9_-]{2,40}?(?:[*•]{3,}|…|X{8,})[*•…X]*+"
    r"|(?:sk-|gsk_|AIza|hf_|xai-|pplx-|key-)[A-Za-z0-9_-]{1,24}?\.{3,6})[A-Za-z0-9_-]{0,12}"
)
_MASKS: Final = ("***", "•••", "…", "XXXXXXXX", "...")
_KEY_HEAD: Final = re.compile(r"(?:(?:sk|pk|rk|or|ant|proj|org|gsk|hf|xai|pplx|key|ak)[-_]|AIza)+")
_FORMS: Final = (
    Shape("account", ".dkr.ecr.", start("_-") + r"\d{12}(?=\.dkr\.ecr\.)"),
    Shape("account", ".amazonaws.com/", r"(?<=\.amazonaws\.com/)\d{12}(?=/)"),
    Shape("project", ".sentry.io", r"\.sentry\.io\\?/(?P<value>\d{5,17})"),
    Shape(
        "trace id",
        "__CF",
        r"\br\\{0,8}[\"']?: ?\\{0,8}[\"'](?P<value>[0-9a-f]{16})(?=\\{0,8}[\"'])",
    ),
)
"""Ids with a form of their own."""

_DIGEST: Final = (
    r"(?P<digest>(?:(?<![A-Za-z0-9_])|(?<=\dm))sha\d{1,3}(?:[-:=]|%3[ADad])[A-Za-z0-9+/=]{20,}+"
    r"|;base64,[A-Za-z0-9+/=]*+)"
)
_BASE64: Final = re.compile(
    rf"{_DIGEST}|(?=[A-Za-z0-9+/]{{40}}){start('+/_-')}[A-Za-z0-9+/]{{40,}}+={{0,2}}(?![A-Za-z0-9_-])"
)
_TOKEN: Final = re.compile(
    rf"{_DIGEST}|(?=[A-Za-z0-9_-]{{28}}){start('_-')}[A-Za-z0-9_-]{{28,}}+={{0,2}}"
)
_NO_TOKEN_AFTER: Final = re.compile(
    r"(?i)(?:commit[ /:]|(?:blob|tree)/|rev[ =]|additional_data:(?:b')?|\d\.)$"
)
_LONG_ID: Final = 16
_PATH_WORD: Final = re.compile(r"(?:^|/)[a-z]{4,}(?:/|$)")


def redact_credentials(text: str, take: Take) -> str:
    """`text` without private keys, tokens with a form of their own, and passwords in addresses."""
    if "@" in text and "/" in text:
        text = _userinfo().sub(lambda match: _without_userinfo(match, take), text)
    for shape, form in _forms():
        if shape.sign in text:
            text = _each(form, shape.kind, text, take)
    return text


def _each(form: re.Pattern[str], kind: str, text: str, take: Take) -> str:
    def found(match: re.Match[str]) -> str:
        if form.groups:
            return replaced(match, "value", _unless_own(match["value"], kind, take))
        return _unless_own(match[0], kind, take)

    return form.sub(found, text)


@cache
def _forms() -> tuple[tuple[Shape, re.Pattern[str]], ...]:
    return tuple((shape, re.compile(shape.pattern)) for shape in (*SHAPES, *_FORMS))


@cache
def _userinfo() -> re.Pattern[str]:
    return re.compile(USERINFO)


def _unless_own(value: str, kind: str, take: Take) -> str:
    return value if is_own(value) else take(kind, value, "{}")


def _is_harmless(part: str) -> bool:
    return is_own(part) or (len(part) > _SHORT and is_trivial(part))


_SHORT: Final = 3
"""In an address a name or password is one however short it is."""


def _without_userinfo(match: re.Match[str], take: Take) -> str:
    user, colon, password = match["user"], match["colon"], match["password"]
    if not (user or password) or match["scheme"].lower().startswith(("git+ssh", "ssh:")):
        return match[0]
    if user and not _is_harmless(user):
        user = take("user", user, "user_{}") if colon else take("token", user, "{}")
    if password and not _is_harmless(password):
        password = take("password", password, "{}")
    return f"{match['scheme']}{user}{colon}{password}@"


def redact_prefixed(text: str, take: Take) -> str:
    """`text` without the keys and ids that open with a provider's prefix."""
    pieces: list[str] = []
    done = 0
    for row, prefix, begin, end in _TABLE.find(text, _accepts):
        pieces += (text[done:begin], take(row.kind, text[begin:end], f"{prefix}{{}}"))
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _accepts(row: Prefixed, tail: str) -> bool:
    if WORD in tail:
        return False
    if row.tail != _ID:
        return continues_as_key(row, tail)
    if len(re.split("[-_]", tail, maxsplit=1)[0]) < _LONG_ID:
        return is_id(tail)
    return looks_random(tail) or is_id(tail)


def redact_masked(text: str, take: Take) -> str:
    """`text` without keys that were masked but for their ends, such as ``sk-a1b2****9f3c``."""

    def masked(match: re.Match[str]) -> str:
        head = _KEY_HEAD.match(match[0])
        shown = match[0][head.end() :].strip("*•….X") if head else match[0].strip("*•….X")
        if not shown or (head is None and not is_id(match[0]) and not match[0][-1].isalnum()):
            return match[0]
        return take("masked key", match[0], f"{head[0] if head else ''}{{}}")

    return _MASKED.sub(masked, text) if any(mask in text for mask in _MASKS) else text


def redact_schemes(text: str, take: Take) -> str:
    """`text` without what follows ``Bearer``, ``Basic`` and the like."""

    def credentials(match: re.Match[str]) -> str:
        value = match["value"].rstrip(".:")
        certain = match[0][:6].lower() in ("bearer", "basic ") and looks_random(value)
        random = certain or is_random(value) or (value.endswith("=") and len(value) >= 12)
        if is_own(value) or not random:
            return match[0]
        return replaced(match, "value", take("token", value, "{}"), len(value))

    low = text.lower()
    return _SCHEME.sub(credentials, text) if any(one in low for one in SCHEMES) else text


def redact_tokens(text: str, take: Take) -> str:
    """`text` without long runs of random characters that no other step found."""

    def token(match: re.Match[str]) -> str:
        value, begin = match[0], match.start()
        harmless = (
            match["digest"] is not None
            or not is_random(value, 28)
            or ("/" in value and _PATH_WORD.search(value))
            or _NO_TOKEN_AFTER.search(as_read(text[max(0, begin - 30) : begin]))
            or in_documentation_link(text, begin)
            or is_own(value)
        )
        if harmless:
            return value
        return take("token", value, "{}")

    text = _BASE64.sub(token, text)
    return _TOKEN.sub(token, text)
