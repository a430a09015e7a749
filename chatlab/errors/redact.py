"""Secrets out of any text that is shown.

This is the last line before a screen. What goes into the corpus is sanitized more thoroughly, by
`chatlab.corpus.sanitizer.sanitizing`.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

_SECRETS: Final = re.compile(
    r"""(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))(?:
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
    r"""((?:api[-_ ]?key|(?:subscription|account|access|private|secret)[-_ ]?(?:access[-_ ]?)?key
      |authorization|bearer|secret|password|passwd|signature
      |(?:access|refresh|session|security|auth)[-_ ]?token)
      \\{0,4}["']?\s{0,8}[:=]\s{0,8}\\{0,4}["']?(?:bearer\s{1,8}|basic\s{1,8})?
      |\bbearer\s{1,8}|\bbasic\s{1,8})
    ([A-Za-z0-9+/=_.~-]{16,})""",
    re.VERBOSE | re.IGNORECASE,
)
_MASKED: Final = re.compile(
    r"""[\w-]{0,64}(?:\*{3,}|•{3,}|[xX]{6,})[\w*•-]{0,64}
    | ([\w-]{0,64})(?:\.{3}|…)([\w-]{0,64})
    | (?<![A-Za-z0-9])(?:sk|pk|rk|gsk|xai|hf)[-_][\w-]{1,64}""",
    re.VERBOSE,
)
_ECHOED: Final = re.compile(
    r"""((?:key|token|secret|credential)s?\ (?:\w{2,12}\ )?
      (?:(?:provided|supplied|given|used)\s?[:=]|(?:ending|starting)\ (?:in|with|on):?)
      \s?["'`(]?)([^\s"'`()[\],;]{2,}?)(?=\.?(?:[\s"'`)\],;]|$))""",
    re.VERBOSE | re.IGNORECASE,
)
_QUERY: Final = re.compile(
    r"([?&](?:key|api[-_]?key|token|access_token|sig|signature|X-Amz-[A-Za-z-]{1,40})=)[^&\s\"'<>]+",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(
    r"(\b[a-z][a-z0-9+.-]{1,20}://)[^/\s:@\"'<>]{1,200}:[^/\s@\"'<>]{1,200}@", re.IGNORECASE
)


def redacted(text: str, *, fragments: bool = False) -> str:
    """`text` without its secrets; with `fragments`, not even masked ones such as ``sk-…4f2a``."""
    text = _SECRETS.sub(REDACTED, text)
    text = _NAMED.sub(rf"\g<1>{REDACTED}", text)
    text = _QUERY.sub(rf"\g<1>{REDACTED}", text)
    text = _USERINFO.sub(rf"\g<1>{REDACTED}@", text)
    if fragments:
        text = _ECHOED.sub(rf"\g<1>{REDACTED}", _MASKED.sub(_unmasked, text))
    return text.replace(REDACTED * 2, REDACTED)


def _unmasked(masked: re.Match[str]) -> str:
    """What stands for a masked key; dots between or behind plain words are left alone."""
    before, after = masked[1], masked[2]
    if before is None or (before and after):
        return REDACTED
    beside = f"{before}{after}"
    return masked[0] if not beside or beside.isalpha() else REDACTED
