"""The HTTP status among the many numbers that a failure shows.

Structured numbers come first. In prose a number is a status only where it is introduced as one,
or where a well-known one stands alone; ports, stream ids, counts, durations and exit codes are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from chatlab.errors.reading.fields import Place
from chatlab.text.patterns import lazy

STATUS_KEYS: Final = frozenset(
    {
        *("status", "statuscode", "status_code", "http_status", "httpstatus", "httpstatuscode"),
        *("http_code", "httpcode", "code", "error_code", "errorcode", "response_code"),
        *("upstreamstatus", "raw_status_code", "http_status_code"),
        "param",  # one-api and its forks put the status of what they relay here
    }
)
"""Keys, lower-case, whose value may be an HTTP status."""

_INTRODUCED: Final = lazy(
    r"""(?<![a-z])
    (?: (?:http[\s_]?)?status(?:[\s_]?code|\ from\ server)? | http[\s_]?code | http(?:/[\d.]+["']?)?
      | (?:api[\s_]|response[\s_])?err(?:or)?[\s_]?code | response[\s_]?code | code
      | upstreamstatus | http_status_
      | (?:api\ |provider\ |server\ |response\ |ollama\ |client\ )?error )
    ["'”]? (?:\ code)? \s{0,4} (?:[:=],?|\ is|\ was|\ of)? \s{0,4} [\[("'“]{0,2} \s{0,4}
    (?:error\ )? ([45]\d\d) (?![\d_%]|[.,:]\d) (?!(?-i:[a-z]))""",
    re.VERBOSE | re.IGNORECASE,
)
_ALONE: Final = lazy(
    r"(?<![\w.,:/$#@%&=~*+-])(?<!:\ )([45]\d\d)(?![\w%°/-]|[.,:]\d)"
    r"|(?<=[:.])\ ([45]\d\d)(?![\w%°/-]|[.,:]\d)"
)
_RENDERED: Final = lazy(
    r"\berror code:\s*([45]\d\d)\s+-\s"
    r"|\b(?:server|provider|upstream|backend)\s{1,4}(?:responded|replied|answered)\s{1,4}with"
    r"\s{1,4}(?:http\s{1,4})?status(?:\s{1,4}code)?:?\s{1,4}([45]\d\d)\b",
    re.IGNORECASE,
)
_AIOHTTP_PARSER: Final = "aiohttp.http_exceptions."
"""aiohttp's parser gives a 400 of its own to what it cannot read."""
_ERROR_NUMBER: Final = lazy(r"[45]\d\d")
_WELL_KNOWN: Final = frozenset({401, 403, 408, 429, 500, 502, 503, 504, 529})
_REGISTERED: Final = frozenset(
    {*range(400, 419), *range(421, 432), 451, *range(494, 512), *range(520, 531), 598, 599}
)
_REASON: Final = lazy(
    r"""[\])]?[\s:,<>|-]{0,8}(?:["'(]\s{0,4})?(?: \{ |
      bad\ request | payment\ required | not\ found | method\ not\ allowed | not\ acceptable
    | conflict | gone\b | precondition\ failed | (?:request\ entity|payload|content)\ too\ large
    | unsupported\ media | misdirected | unprocessable | locked | failed\ dependency | too\ early
    | unauthorized | forbidden | too\ many\ requests | request\ time-?out | internal
    | bad\ gateway | service\ unavailable | gateway\ time-?out | client\ error | server\ error
    | status\ code | web\ server | a\ timeout | connection\ timed | origin | invalid_argument
    | failed_precondition | resource_exhausted | unavailable | permission_denied )""",
    re.VERBOSE | re.IGNORECASE,
)
_NOT_BEFORE: Final = lazy(
    r"""(?: \b(?:limit|used|requested|line|port|id|ids|maximum|max|min|least|most|than|of|to|after
      |in|exit|exited\ with|returned\ exit|attempt|top|for|by|over|about|every|position|column|char
      |index|stream|streams|size|count|got|tokens?|model|length|version|page|pages|step|timeout|within
      |gpt|claude|qt|pid|total|up|roughly|exceeds|rows?|items?|between|and|or)
      (?:\ code|\ status)? | (?:TransferEncoding|ContentLength|ContentEncoding|HttpProcessing)Error
    | BadStatusLine | BadHttpMessage | \s[<>]=? | = )[\s:=(~]*$""",
    re.VERBOSE | re.IGNORECASE,
)
_COUNTED: Final = r"""(?: ms|millis|s\b|sec|min|hour|h\b|tok|char|word|byte|[kmg]i?b\b|mb|kb|gb
      |requests\b|time
      |items?\b(?!\ with\b)|line|page|row|step|---\ \[
      |in\b(?!\ \d{1,6}(?:\.\d{1,3})?\ ?m?s\b)|param|image|file|dollar|usd|credit|point|day
      |people|users\b|entr|attempt|retries|%|:\ unexpected|,\ message:[\ ]*\n|px|pixel|x\s?\d
      |\*(?!\s{1,40}(?-i:[A-Z]))|\+|>|<=|>=|of\b|and\b\s+\d )"""
_NOT_AFTER: Final = lazy(r"\s{0,4}" + _COUNTED, re.VERBOSE | re.IGNORECASE)
_NOT_AFTER_ON_ITS_LINE: Final = lazy(
    r"(?!\ (?-i:[A-Z][a-z]))[^\S\n]{0,4}" + _COUNTED, re.VERBOSE | re.IGNORECASE
)
"""What was introduced as a status has no unit on the next line, and none that opens a sentence."""
_OPENS_SENTENCE: Final = lazy(r" [A-Z][a-z]")
_OPENING: Final = lazy(r"(?:^|[\[\](|\n]|(?:error|exception|failed):?)\s*[\"']?$", re.IGNORECASE)
_LEAD: Final = lazy(
    r"(?:^|[\[\](|\n]|error|failed|\breturn(?:ed|s)|[:.·—-])\s*[\"']?$", re.IGNORECASE
)


def is_error_status(number: int) -> bool:
    """Whether `number` is an HTTP status that says the call failed."""
    return 400 <= number <= 599


def structured(status: object) -> int | None:
    """`status` as an HTTP status, 100 to 599: an int, a digit string, or text opening with one."""
    if isinstance(status, bool) or status is None:
        return None
    if isinstance(status, int):
        return int(status) if 100 <= status <= 599 else None
    if isinstance(status, float):
        return structured(int(status)) if status == status and abs(status) < 1000 else None
    if isinstance(status, str):
        opening = re.match(r"\s*(\d{3})(?!\d)", status)
        return structured(int(opening[1])) if opening else None
    return None


def status_in_body(places: Iterable[Place]) -> int | None:
    """The outermost error status among the values of a body."""
    for place in places:
        if place.key in STATUS_KEYS and len(place.value) == 3 and place.value.isdecimal():
            number = int(place.value)
            if is_error_status(number):
                return number
    return None


def status_in_texts(texts: Sequence[str]) -> int | None:
    """The status that the first of `texts` shows that shows one."""
    if any(_AIOHTTP_PARSER in text for text in texts):
        return None
    return next((found for text in texts if (found := status_in_text(text)) is not None), None)


def status_in_text(text: str) -> int | None:
    """The HTTP status that `text` shows, by its introduction or standing alone, else None.

    The line in which the official SDKs render a status, and the one that says what the server
    answered with, beat what wrappers put around them.
    """
    if _ERROR_NUMBER.search(text) is None:
        return None
    rendered = _RENDERED.search(text)
    if rendered:
        return int(rendered[1] or rendered[2])
    candidates = [match for match in _INTRODUCED.finditer(text) if _counts(text, match, 1)]
    introduced = min(candidates, key=lambda match: match.start(1), default=None)
    for match in _ALONE.finditer(text):
        group = 1 if match[1] else 2
        if introduced is not None and introduced.start(1) <= match.start(group):
            break
        if _stands_as_status(text, match, group):
            return int(match[group])
    return int(introduced[1]) if introduced else None


def _counts(text: str, match: re.Match[str], group: int) -> bool:
    before = text[max(0, match.start() - 24) : match.start()].lower()
    return not (
        re.search(
            r"(?:exit|exited|transferencoding|contentlength|httpprocessing|line|grpc|errno|inner|sub|socket)[\s_-]*$",
            before,
        )
        or _NOT_AFTER_ON_ITS_LINE.match(text, match.end(group))
    )


def _stands_as_status(text: str, match: re.Match[str], group: int) -> bool:
    number, before = int(match[group]), text[max(0, match.start(group) - 32) : match.start(group)]
    says = _OPENS_SENTENCE.match(text, match.end(group)) and _OPENING.search(before)
    if (not says and _NOT_AFTER.match(text, match.end(group))) or _NOT_BEFORE.search(before):
        return False
    if _REASON.match(text, match.end(group)):
        return True
    return number in _WELL_KNOWN or (number in _REGISTERED and bool(_LEAD.search(before)))
