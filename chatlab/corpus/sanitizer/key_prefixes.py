"""Ids that a provider's prefix gives away, as data; secrets are in `chatlab.text.secrets`."""

from __future__ import annotations

from typing import Final

from chatlab.text.secrets import KEYS, Prefixed, PrefixTable

ID: Final = r"[A-Za-z0-9]{6,80}(?:[-_][A-Za-z0-9]{3,80}){0,6}"
"""What may follow the prefix of an id."""

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

TABLE: Final = PrefixTable((*IDS, *KEYS))
"""Ids and secrets, found in one pass."""
