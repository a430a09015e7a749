"""How long the provider asks to wait, and where it said so.

Strongest first: the header ``retry-after-ms``, the header ``retry-after`` (RFC 9110: seconds or an
HTTP date), AWS's and gRPC's own in milliseconds, a machine-readable value in the body, the
provider's sentence. A value that is no finite, non-negative number is no hint, and neither is a
client's own "retrying in 4 seconds".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chatlab.errors.reading.fields import Place
from chatlab.text.patterns import lazy

DAY_S: Final = 86_400.0

MAX_HINT_S: Final = 366 * DAY_S
"""No provider means more than a year; a larger number is a mistake or an attack, and no hint."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A wait that the provider asked for.

    delay_s: seconds, finite, 0 or more. source: where it stands, for example
    ``headers.retry-after`` or ``body.error.details[1].retryDelay``.
    """

    delay_s: float
    source: str


_SECONDS_KEYS: Final[dict[str, float]] = {
    "retrydelay": 1.0,
    "retry_delay": 1.0,
    "retry_after": 1.0,
    "retryafter": 1.0,
    "retry-after": 1.0,
    "retry_after_seconds": 1.0,
    "retryafterseconds": 1.0,
    "resets_in_seconds": 1.0,
    "reset_in_seconds": 1.0,
    "retry_after_ms": 0.001,
    "retry-after-ms": 0.001,
    "retryafterms": 0.001,
}
_NUMBER: Final = lazy(r"\s*(\d{1,12}(?:\.\d{1,12})?)\s*s?\s*")
_KEYED: Final = lazy(
    r"""(?<![A-Za-z0-9])(retry_?delay|retry[-_]?after(?:[-_]?(?:ms|seconds))?|resets?_in_seconds)
    \\{0,8}(?:["'”]?\s{0,8}[:=]>?|["']\s{0,8},)\s{0,8}(?:\[\s{0,8})?\\{0,8}(?:b(?=["']))?["'“]?(\d{1,12}(?:\.\d{1,12})?)s?(?![\w.])""",
    re.VERBOSE | re.IGNORECASE,
)
_PROTOBUF: Final = lazy(
    r"""(?<![A-Za-z0-9])retry_delay\s{0,8}:?\s{0,8}\{\s{0,8}
    (?=[a-z])(?:seconds:\s{0,8}(\d{1,12})\s{0,8})?(?:nanos:\s{0,8}(\d{1,9})\s{0,8})?\}""",
    re.VERBOSE,
)
_UNITS: Final[dict[str, float]] = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "毫秒"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒", "秒钟"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分", "分钟"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "小时"), 3600.0),
    **dict.fromkeys(("d", "day", "days", "天"), DAY_S),
    **dict.fromkeys(("week", "weeks"), 7 * DAY_S),
}
_UNIT: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
_QUANTITY: Final = r"(?:\d{1,9}(?:\.\d{1,12})?|(?<![a-z])(?:one|an(?=\s{1,4}hour)))"
_PART: Final = lazy(rf"({_QUANTITY})\s{{0,4}}({_UNIT})(?![a-z])", re.IGNORECASE)
_AND: Final = r"(?:,?\s{0,4}(?:and\s{1,4})?)?"
_DURATION: Final = rf"((?:{_QUANTITY}\s{{0,4}}(?:{_UNIT})(?![a-z]){_AND}){{1,5}})"
_DIGIT: Final = lazy(r"\d")
_SENTENCES: Final = (
    (
        ("again", "retry", "retried", "wait", "reset", "available", "back", "leave"),
        lazy(
            r"(?<![a-z_])(?:try|(?<!will )retry|retried|again|wait|waiting|resets?|available|back"
            r"|leave)(?![a-z])"
            r"[^.\d]{0,48}?(?<![a-z])(?:in|after|for|at\ least|another):?\s{1,4}"
            r"(?:about\s{1,4}|~\s?)?"
            rf"{_DURATION}",
            re.IGNORECASE,
        ),
    ),
    (
        ("wait", "retry after"),
        lazy(rf"(?<![a-z])(?:wait|retry after)(?::|\s)\s{{0,4}}{_DURATION}", re.IGNORECASE),
    ),
    (("后",), lazy(rf"{_DURATION}\s{{0,4}}(?:后|之后|以后)", re.IGNORECASE)),
)
"""Sentences that name a wait, each with words of which one is in every such sentence."""

_AFTER_A_FIX: Final = lazy(
    r"\b(?:if|should) you(?: have|'ve)?(?: (?:just|recently|only now))?"
    r" (?:fixed|created|added|enabled|activated|changed|updated|upgraded|topped)\b[^.!?\n]{0,80}$",
    re.IGNORECASE,
)
"""Before a wait that is only meant for who has mended the cause."""
_A_PERSON_DID: Final = lazy(
    r"\b(?:I|we|We|they|They|he|she)(?:'ve|'d| have| had)?\b[^.!?\n]{0,60}$"
    r"|\b(?:tried|waited|retried|restarted|reran)\s$"
)
"""Before a wait that somebody tells of."""
_SENTENCE_CHARS: Final = 120


_HEADERS: Final = (
    *(("retry-after-ms", 0.001), ("retry-after", 1.0)),
    *(("x-amz-retry-after", 0.001), ("grpc-retry-pushback-ms", 0.001)),
)
"""The headers that name a wait, strongest first, and their unit in seconds."""


def hint_in_headers(headers: Mapping[str, str]) -> Hint | None:
    """The hint of `headers`, whose names are lower-case.

    An HTTP date is measured from the response's own ``Date``, which RFC 9110 has servers send, or
    from when the caller says that the response was seen; without either a date is no hint.
    """
    for name, unit_s in _HEADERS:
        raw = headers.get(name)
        if raw is None:
            continue
        delay_s = _finite(raw, unit_s)
        if delay_s is None and unit_s == 1.0:
            delay_s = _until(raw, headers.get("date"))
        if delay_s is not None:
            return Hint(delay_s, f"headers.{name}")
    return None


def _finite(raw: str, unit_s: float) -> float | None:
    whole = _NUMBER.fullmatch(raw)
    return _bounded(float(whole[1]) * unit_s) if whole else None


def _bounded(delay_s: float) -> float | None:
    return round(delay_s, 9) if math.isfinite(delay_s) and 0 <= delay_s <= MAX_HINT_S else None


def format_date(moment: datetime) -> str:
    """`moment` as an HTTP header gives it; one without a zone is in UTC."""
    from email.utils import format_datetime  # its imports are slow

    return format_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _until(raw: str, date: str | None) -> float | None:
    if date is None or len(raw) > 64 or len(date) > 64:
        return None
    from email.utils import parsedate_to_datetime  # its imports are slow

    try:
        then, now = (
            moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            for moment in map(parsedate_to_datetime, (raw, date))
        )
        return _bounded((then - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def hint_in_body(places: Iterable[Place]) -> Hint | None:
    """The machine-readable hint among the values of a body."""
    for place in places:
        unit_s = _SECONDS_KEYS.get(place.key)
        if unit_s is not None:
            delay_s = _finite(place.value, unit_s)
            if delay_s is not None:
                return Hint(delay_s, place.where)
    return None


def hint_in_text(text: str, where: str) -> Hint | None:
    """The hint that `text` shows: a keyed value first, else the provider's sentence."""
    lowered = text.lower()
    if "retry" in lowered or "reset" in lowered:
        hint = _keyed_hint(text, where)
        if hint is not None:
            return hint
    if _DIGIT.search(lowered) is None and " one " not in lowered and " an hour" not in lowered:
        return None
    for signs, sentence in _SENTENCES:
        if not any(sign in lowered for sign in signs):
            continue
        for said in sentence.finditer(text):
            before = text[max(0, said.start() - _SENTENCE_CHARS) : said.start()]
            if _AFTER_A_FIX.search(before) or _A_PERSON_DID.search(before):
                continue
            delay_s = _bounded(
                sum(
                    (1.0 if n.isalpha() else float(n)) * _UNITS[unit.lower()]
                    for n, unit in _PART.findall(said[1])
                )
            )
            if delay_s is not None:
                return Hint(delay_s, where)
    return None


def _keyed_hint(text: str, where: str) -> Hint | None:
    for keyed in _KEYED.finditer(text):
        unit_s = _SECONDS_KEYS.get(keyed[1].lower(), 1.0)
        delay_s = _finite(keyed[2], unit_s)
        if delay_s is not None:
            return Hint(delay_s, where)
    for printed in _PROTOBUF.finditer(text):
        delay_s = _bounded(int(printed[1] or 0) + int(printed[2] or 0) / 1e9)
        if delay_s is not None:
            return Hint(delay_s, where)
    return None
