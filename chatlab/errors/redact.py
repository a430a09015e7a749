"""Secrets out of any text that is shown.

This is the last line before a screen. What goes into the corpus is sanitized more thoroughly, by
`chatlab.corpus.sanitize`.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

_SECRETS: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      (?:sk|pk|rk)-(?:ant-|proj-|or-v1-|svcacct-|admin-)?[A-Za-z0-9_-]{8,}
    | (?:sess|key|tok|gsk|xai|pplx|hf|r8|nvapi|csk|fw|tgp|glpat|ghp|gho|ghs|ghu|github_pat
        |co|vck|dapi|sid|lsv2|fc|tvly|jina|voy)[-_][A-Za-z0-9_-]{16,}
    | AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9._-]{16,} | 1//[A-Za-z0-9_-]{20,}
    | (?:AKIA|ASIA|AROA|ABSK)[A-Za-z0-9+/=]{12,}
    | eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?
    | xox[abprs]-[A-Za-z0-9-]{8,}
    )""",
    re.VERBOSE,
)
_NAMED: Final = re.compile(
    r"""((?:api[-_ ]?key|x-api-key|authorization|bearer|access[-_ ]?token|secret(?:[-_ ]?(?:access[-_ ]?)?key)?
      |refresh[-_ ]?token|client[-_ ]?secret|password|passwd|session[-_ ]?token|signature)
      \\?["']?\s*[:=]\s*\\?["']?(?:bearer\s+|basic\s+)?|\bbearer\s+|\bbasic\s+)
    ([A-Za-z0-9+/=_.~-]{16,})""",
    re.VERBOSE | re.IGNORECASE,
)
_FRAGMENT: Final = re.compile(r"[A-Za-z0-9_-]{2,12}(?:\*{3,}|\.{3}|…|X{6,})[A-Za-z0-9_-]{2,8}")
_QUERY: Final = re.compile(
    r"([?&](?:key|api[-_]?key|token|access_token|sig|signature|X-Amz-[A-Za-z-]+)=)[^&\s\"'<>]+",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(
    r"(\b[a-z][a-z0-9+.-]{1,20}://)[^/\s:@\"'<>]{1,200}:[^/\s@\"'<>]{1,200}@", re.IGNORECASE
)


def redacted(text: str, *, fragments: bool = False) -> str:
    """`text` with every secret replaced; with `fragments`, also masked keys such as ``sk-…4f2a``."""
    text = _SECRETS.sub(REDACTED, text)
    text = _NAMED.sub(rf"\g<1>{REDACTED}", text)
    text = _QUERY.sub(rf"\g<1>{REDACTED}", text)
    text = _USERINFO.sub(rf"\g<1>{REDACTED}@", text)
    return _FRAGMENT.sub(REDACTED, text) if fragments else text
