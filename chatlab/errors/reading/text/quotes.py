"""What a sentence quotes: identifiers, values and requests that say nothing of the failure."""

from __future__ import annotations

import re
from typing import Final

from chatlab.text.patterns import lazy

_QUOTED: Final = lazy(
    r"""(?<=[\w)\]}]\s)(?P<mark>['"`])(?P<inner>[^\s'"`]{1,120})(?P=mark)(?!\w)""", re.VERBOSE
)
_NAMES_IT: Final = lazy(
    r"(?:error|errors|exception|code|type|reason|status|message|with|said|says|failed|failure|cause"
    r"|response|returned|returns|finish_reason|stop_reason|event|kind)[:=]?\s$",
    re.IGNORECASE,
)
_GIVEN: Final = lazy(
    r"""\b(?P<word>got|given|received|found|provided|actual|instead\sgot|input|input_value
    |your\svalue|you\s(?:sent|passed|provided))(?P<colon>\s?[:=]|)\s{0,2}
    (?P<mark>['"`])(?P<inner>[^\n]{1,200}?)(?P=mark)""",
    re.VERBOSE | re.IGNORECASE,
)
_ALLOWED: Final = lazy(
    r"""\b(?:should\sbe|must\sbe(?:\sone\sof)?|one\sof|expected(?:\sone\sof)?|allowed\svalues?(?:\sare)?
    |supported\svalues?(?:\sare)?|valid\s(?:values?|options?)(?:\sare)?|permitted)\s?:?\s{0,2}
    (?P<list>\[?\s?['"`][^\n]{0,600}?['"`]\]?)(?=[.;\n]|\sinstead|\s\[|\s\(|,\s(?:got|given|but)|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_ALLOWED_SIGN: Final = lazy(r"(?:should|must) be|one of|expected|allowed|supported|valid|permitted")
_GIVEN_SIGN: Final = lazy(r"\b(?:got|given|received|found|provided|actual|input|your value|you )")
_REQUEST: Final = lazy(
    r"""(?<![A-Za-z])(?:messages|prompts?|inputs?|input_value|contents?|parameters|tools|documents
    |kwargs|requestBodyValues|request_?body|system_?prompt|query|user|user_?message|question)
    ["']?\s{0,2}[:=]\s{0,2}(?:Some\(\s?)?(?P<value>"(?:[^"\\\n]|\\.){0,4000}"?|'(?:[^'\\\n]|\\.){0,4000}'?
    |[\[{][^\n]{0,8000})""",
    re.VERBOSE,
)
_STRUCT: Final = lazy(
    r"""\b[A-Z]\w{0,60}(?:Parameters|Params|Request|RequestBody|Payload)\s?
    (?P<value>\{(?:[^{}\n]|\{[^{}\n]{0,2000}\}){0,4000}\}?)""",
    re.VERBOSE,
)
"""A request as Rust and Go print a struct."""
_REQUEST_SIGNS: Final = (
    *("messages", "prompt", "input", "content", "parameters", "tools", "documents", "kwargs"),
    *(
        "Parameters",
        "Params",
        "Request",
        "Payload",
        "requestBody",
        "request_body",
        "query",
        "user",
        "question",
    ),
)


def without_request(text: str) -> str:
    """`text` without what it quotes of the caller's request, key by key, on each line."""
    if not any(sign in text for sign in _REQUEST_SIGNS):
        return text
    return _REQUEST.sub(_value_blanked, _STRUCT.sub(_value_blanked, text))


def _value_blanked(match: re.Match[str]) -> str:
    return _blanked(match, "value")


def without_quotes(text: str) -> str:
    """`text` with the identifiers and values that its sentences quote blanked out.

    A quoted word that is introduced as a code, a type or a reason stays.
    """
    if "'" not in text and '"' not in text and "`" not in text:
        return text
    lowered = text.lower()
    if _ALLOWED_SIGN.search(lowered):
        text = _ALLOWED.sub(lambda match: _blanked(match, "list"), text)
    if _GIVEN_SIGN.search(lowered):
        text = _GIVEN.sub(lambda match: _blanked(match, "inner"), text)
    if " '" in text or ' "' in text or " `" in text or "\n" in text:
        text = _QUOTED.sub(_identifier_blanked, text)
    return text


def _identifier_blanked(match: re.Match[str]) -> str:
    if _NAMES_IT.search(match.string, max(0, match.start() - 24), match.start()):
        return match[0]
    return _blanked(match, "inner")


def _blanked(match: re.Match[str], group: str) -> str:
    start, end = match.span(group)
    offset = match.start()
    blank = "\x1a" * (end - start)
    return f"{match[0][: start - offset]}{blank}{match[0][end - offset :]}"
