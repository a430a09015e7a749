"""Evidence that is no single word or code: it takes two numbers, a structure, or an absence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from chatlab.errors.observation import Observation
from chatlab.errors.reading import own_code
from chatlab.errors.reading.collected import Collected
from chatlab.errors.reading.fields import Origin, Place, decoded
from chatlab.text.patterns import lazy

SIGNS: Final[dict[str, str]] = {
    "wait-over-a-day": "the hinted wait is longer than 24 hours",
    "request-over-limit": "this one request asks for more than the whole limit",
    "limit-zero": "the quota is 0",
    "stream-cut": "an event stream that stops before its final event",
    "bare-timeout": "a TimeoutError without a word: the caller's own deadline",
    "answered": "somebody answered over HTTP: a status or a body was seen",
    "html": "a web page where an answer was due",
    "reset-by-peer": "a typed HTTP/2 reset from the peer that a new connection may cure",
    "reset-local": "a typed HTTP/2 reset that this side sent, or that blames this side",
    "programming-error": "at the bottom is Python's own exception about a bug of the program",
    "lost-between-processes": "an exception that could not be built again in another process",
    "reader-left": "the one who was to read the answer went away",
    "no-evidence": "nothing at all was observed",
}
"""Every sign, with what it says."""

_LIMIT: Final = lazy(
    r"(?<!model token )\blimit[:\s]+~?([\d,]{1,15})[^\n]{0,80}?\brequested:?\s+~?([\d,]{1,15})",
    re.IGNORECASE,
)
_ZERO: Final = lazy(r"""(?:\blimit:\s*0(?![\d.])|["']quotaValue["']:\s*["']0["'])""", re.IGNORECASE)
_NOT_ZERO: Final = lazy(r"\blimit:\s*[1-9]", re.IGNORECASE)
_PAGE_MARKS: Final = ("<html", "<!doctype html", "<body", "</p>", "</div>", "</h1>", "</li>")
_BARE_TIMEOUT: Final = lazy(r"(?:^|\n)(?:\w+\.){0,4}TimeoutError:?\s*\Z")
_PAGE_CHARS: Final = 8 * 1024
_LAST_LINE_CHARS: Final = 200
_TRANSIENT: Final = frozenset(
    {"NO_ERROR", "INTERNAL_ERROR", "REFUSED_STREAM", "CANCEL", "ENHANCE_YOUR_CALM"}
)
_TYPED_RESET: Final = lazy(
    r"<StreamReset[^>]{0,80}error_code:\s*(?:ErrorCodes\.)?(\w{1,40})"
    r"[^>]{0,80}remote_reset:\s*(True|False)"
    r"|stream error: stream id \d{1,12}; (\w{1,40})(; received from peer)?",
    re.IGNORECASE,
)
_H2_CODES: Final = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT"),
    *("STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR"),
    *("CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)


def h2_code_name(code: object) -> str:
    """The RFC 9113 name of an HTTP/2 error code, given as a number or a name."""
    text = str(code).rpartition(".")[2]
    if text.isdecimal() and len(text) < 4 and int(text) < len(_H2_CODES):
        return _H2_CODES[int(text)]
    return text.upper()


def read(
    failure: Observation,
    headers: Mapping[str, str],
    collected: Collected,
    texts: list[tuple[Place, str]],
    words: str,
    status: int | None,
    raised: tuple[str, str] | tuple[()],
) -> Iterator[str]:
    """The signs of a failure, as terms such as ``sign:html``."""
    seen = headers or failure.status or failure.exception_type or failure.reset or failure.causes
    if not (seen or collected != Collected([])):
        yield "sign:no-evidence"
    whole = "\n".join(text for _, text in texts)
    lowered = whole.lower()
    limits = "limit" in lowered
    if limits and "requested" in lowered:
        pairs = _LIMIT.findall(whole)
        if any(_amount(limit) < _amount(wanted) for limit, wanted in pairs):
            yield "sign:request-over-limit"
    zero_quota = any(place.key == "quotavalue" and place.value == "0" for place in collected.places)
    zero = (limits or "quotavalue" in lowered) and _ZERO.search(whole)
    if zero_quota or (zero and not _NOT_ZERO.search(whole)):
        yield "sign:limit-zero"
    if status is not None or failure.body is not None or _envelope(collected):
        yield "sign:answered"
    if collected.cut:
        yield "sign:stream-cut"
    if collected.reader_left:
        yield "sign:reader-left"
    opening = words[:_PAGE_CHARS]
    if "<" in opening and any(mark in opening for mark in _PAGE_MARKS):
        yield "sign:html"
    if _is_own_deadline(failure, collected):
        yield "sign:bare-timeout"
    yield from own_code.signs_of(raised)
    if failure.reset is not None or "stream" in lowered:
        yield from _resets(failure, whole)


def _amount(digits: str) -> int:
    return int(digits.replace(",", "") or 0)


def _envelope(collected: Collected) -> bool:
    return any(place.origin is Origin.CODE for place in collected.places)


def _is_own_deadline(failure: Observation, collected: Collected) -> bool:
    package, _, name = (decoded(failure.exception_type) or "").rpartition(".")
    said = (decoded(failure.exception_text) or "").strip()
    if failure.text is None:
        own = package not in ("httpx", "httpx2")  # whose base class has this name
        return own and name in ("TimeoutError", "TimeoutException") and not said
    speaking = [place.value for place in collected.places if place.where == "text"]
    return bool(speaking) and _BARE_TIMEOUT.search(speaking[0][-_LAST_LINE_CHARS:]) is not None


def _resets(failure: Observation, whole: str) -> Iterator[str]:
    seen: list[tuple[str, bool]] = []
    if failure.reset is not None:
        seen.append((h2_code_name(failure.reset.code), failure.reset.by_peer))
    for typed in _TYPED_RESET.finditer(whole):
        if typed[1]:
            seen.append((h2_code_name(typed[1]), typed[2] == "True"))
        else:
            seen.append((h2_code_name(typed[3]), typed[4] is not None))
    for code, by_peer in seen:
        transient = by_peer and code in _TRANSIENT
        yield "sign:reset-by-peer" if transient else "sign:reset-local"
