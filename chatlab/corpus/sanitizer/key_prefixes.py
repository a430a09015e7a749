"""Keys and ids that give themselves away by their first letters, as data.

The prefixes are those that the providers print on their own keys and ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TOKEN: Final = r"[A-Za-z0-9_-]{16,4096}"
SHORT: Final = r"[A-Za-z0-9_-]{8,4096}"
DOTTED: Final = r"[A-Za-z0-9_.~-]{16,4096}"
BASE64: Final = r"[A-Za-z0-9+/_-]{12,4096}={0,2}"
UPPER: Final = r"[A-Z0-9]{12,128}(?![a-z])"
ID: Final = r"[A-Za-z0-9]{6,80}(?:[-_][A-Za-z0-9]{3,80}){0,6}"
"""What may follow a prefix."""


@dataclass(frozen=True, slots=True)
class Prefixed:
    """Values that open with one of `prefixes` and go on as `tail` says."""

    kind: str
    tail: str
    prefixes: tuple[str, ...]


KEYS: Final = (
    Prefixed(
        "OpenAI key",
        SHORT,
        ("sk-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-service-", "sk-None-", "ek_"),
    ),
    Prefixed(
        "Anthropic key",
        TOKEN,
        (
            *("sk-ant-", "sk-ant-api03-", "sk-ant-admin01-", "sk-ant-oat01-", "sk-ant-ort01-"),
            *("sk-ant-sid01-", "sk-ant-sid02-"),
        ),
    ),
    Prefixed("Alibaba key", TOKEN, ("LTAI", "ALTAK-")),
    Prefixed("OpenRouter key", TOKEN, ("sk-or-", "sk-or-v1-")),
    Prefixed("Google API key", TOKEN, ("AIza",)),
    Prefixed("Google token", DOTTED, ("ya29.", "AQ.", "1//0", "GOCSPX-")),
    Prefixed("AWS access key id", UPPER, ("AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA", "AGPA")),
    Prefixed("Bedrock API key", BASE64, ("ABSK", "bedrock-api-key-")),
    Prefixed("Groq key", TOKEN, ("gsk_",)),
    Prefixed("xAI key", TOKEN, ("xai-", "xai-token-")),
    Prefixed("Hugging Face token", TOKEN, ("hf_", "api_org_")),
    Prefixed("Perplexity key", TOKEN, ("pplx-",)),
    Prefixed("Replicate token", TOKEN, ("r8_",)),
    Prefixed("NVIDIA key", TOKEN, ("nvapi-",)),
    Prefixed("Cerebras key", TOKEN, ("csk-",)),
    Prefixed("Fireworks key", TOKEN, ("fw_", "fw-")),
    Prefixed("Together key", TOKEN, ("tgp_v1_", "tgp_")),
    Prefixed("Cohere key", TOKEN, ("co_", "cohere_")),
    Prefixed("Voyage key", TOKEN, ("pa-",)),
    Prefixed("Vercel token", TOKEN, ("vck_", "vcp_", "vci_", "vca_", "vcr_", "vercel_blob_rw_")),
    Prefixed("Databricks token", TOKEN, ("dapi",)),
    Prefixed("ElevenLabs key", TOKEN, ("sk_", "xi-")),
    Prefixed(
        "model host's key",
        TOKEN,
        (
            *("rpa_", "cpk_", "esecret_", "flp_", "psk-", "ak-", "as-", "jina_"),
            *("tvly-", "tvly-dev-", "fc-", "e2b_", "pcsk_", "lsv2_pt_", "lsv2_sk_", "sk-lf-"),
            *("pk-lf-", "sk-helicone-", "pk-helicone-", "ollama-", "sess-", "zai-", "key-"),
        ),
    ),
    Prefixed(
        "GitHub token",
        TOKEN,
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "ghv_"),
    ),
    Prefixed(
        "GitLab token", DOTTED, ("glpat-", "gldt-", "glrt-", "glptt-", "glsoat-", "glcbt-", "glft-")
    ),
    Prefixed(
        "Slack token",
        TOKEN,
        ("xoxb-", "xoxp-", "xoxa-", "xoxa-2-", "xoxr-", "xoxs-", "xoxe-", "xoxe.xoxp-", "xapp-"),
    ),
    Prefixed(
        "Stripe key",
        TOKEN,
        (
            *("sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_"),
            *("cs_live_", "cs_test_"),
        ),
    ),
    Prefixed("npm token", TOKEN, ("npm_",)),
    Prefixed("PyPI token", TOKEN, ("pypi-",)),
    Prefixed("Docker token", TOKEN, ("dckr_pat_", "dckr_oat_")),
    Prefixed("SendGrid key", DOTTED, ("SG.",)),
    Prefixed("Vault token", DOTTED, ("hvs.", "hvb.", "hvr.")),
    Prefixed("Supabase key", TOKEN, ("sbp_", "sb_secret_", "sb_publishable_")),
    Prefixed("Linear key", TOKEN, ("lin_api_", "lin_oauth_")),
    Prefixed("Notion token", TOKEN, ("ntn_", "secret_")),
    Prefixed("DigitalOcean token", TOKEN, ("dop_v1_", "doo_v1_", "dor_v1_")),
    Prefixed("Shopify token", TOKEN, ("shpat_", "shpca_", "shppa_", "shpss_")),
    Prefixed("Grafana token", TOKEN, ("glsa_", "glc_")),
    Prefixed("Sentry token", BASE64, ("sntrys_", "sntryu_")),
    Prefixed("Atlassian token", BASE64, ("ATATT3", "ATCTT3")),
    Prefixed("age secret key", UPPER, ("AGE-SECRET-KEY-1",)),
    Prefixed("New Relic key", UPPER, ("NRAK-",)),
    Prefixed(
        "service key",
        DOTTED,
        (
            *(
                "PMAK-",
                "dp.pt.",
                "dp.st.",
                "figd_",
                "pscale_tkn_",
                "sl.",
                "HRKU-",
                "FlyV1 ",
            ),
            *("cfut_", "cfat_", "sq0atp-", "sq0csp-", "rubygems_"),
        ),
    ),
)
"""Secrets: whoever holds one can act with it."""

IDS: Final = (
    Prefixed(
        "request id", ID, ("req_", "req-", "request_", "request-", "chatcmpl-", "cmpl-", "gen-")
    ),
    Prefixed(
        "response id", ID, ("resp_", "chatcmpl-tool-", "embd-", "rerank-", "imggen-", "modr-")
    ),
    Prefixed("message id", ID, ("msg_", "msg_bdrk_", "msg_vrtx_", "msg-", "event_", "evt_")),
    Prefixed(
        "call id",
        ID,
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
        ID,
        (
            *("fc_", "rs_", "ws_", "ig_", "ci_", "mcp_", "mcpl_", "mcpr_", "item_", "fs_", "cu_"),
            *("ctc_", "lsh_", "at_", "cmp_"),
        ),
    ),
    Prefixed("run id", ID, ("run_", "run-", "step_", "batch_", "msgbatch_", "ftjob-", "eval_")),
    Prefixed(
        "thread id", ID, ("thread_", "conv_", "conversation_", "asst_", "cntr_", "container_")
    ),
    Prefixed("session id", ID, ("sess_", "session_", "session-", "sesn_", "cse_")),
    Prefixed("file id", ID, ("file-", "file_", "vs_", "upload_", "skill_")),
    Prefixed("organization id", ID, ("org-", "org_", "wrkspc_", "team_", "team-")),
    Prefixed("project id", ID, ("proj_", "proj-", "prj_")),
    Prefixed("user id", ID, ("user-", "user_", "usr_", "acct_", "cus_", "apikey_", "key_")),
    Prefixed("deployment id", ID, ("dpl_", "icfg_", "next-edge-")),
    Prefixed("trace id", ID, ("trace_", "trace-", "span_", "cf-ray-", "edge-")),
)
"""Ids: they name an account, a person or one call."""

TAILS: Final = {tail: re.compile(tail) for tail in (TOKEN, SHORT, DOTTED, BASE64, UPPER, ID)}
"""The tails, compiled."""
