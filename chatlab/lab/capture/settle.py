"""Making what a run left behind the same on every run: ports, times, ids, addresses, durations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_ZERO_TIME: Final = "00:00:00"
_MONTHS: Final = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"

_VOLATILE: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = tuple(
    (what, re.compile(pattern), stable)
    for what, pattern, stable in (
        ("times", r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?", f"2026-01-01 {_ZERO_TIME}"),
        (
            "times",
            rf"\w{{3}}, \d\d (?:{_MONTHS}) \d{{4}} [\d:]{{8}} GMT",
            f"Thu, 01 Jan 2026 {_ZERO_TIME} GMT",
        ),
        (
            "times",
            rf"\w{{3}} (?:{_MONTHS}) \d\d [\d:]{{8}}\.\d+ \d{{4}}",
            f"Thu Jan 01 {_ZERO_TIME}.000000 2026",
        ),
        ("times", rf"\d\d/(?:{_MONTHS})/\d{{4}}:[\d:]{{8}}\.\d+", f"01/Jan/2026:{_ZERO_TIME}.000"),
        ("client ports", r"(127\.0\.0\.1:)\d+(?=->| \[|\]|: GOAWAY)", r"\g<1>54321"),
        ("addresses", r"(\bcancel scope )[0-9a-f]{6,16}\b", r"\g<1>7f0000000000"),
        ("addresses", r"\b0x[0-9a-f]{6,16}\b", "0x7f0000000000"),
        ("thread ids", r"\b[0-9A-F]{16}(?=:error:)", "0000000000000000"),
        ("source lines", r"(\(_ssl\.c:)\d+(?=\))", r"\g<1>1000"),
        ("source lines", r"(:\.\./deps/[\w./-]+\.c:)\d+(?=:)", r"\g<1>100"),
        (
            "ids",
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "00000000-0000-4000-8000-000000000000",
        ),
        ("ids", r"\b[0-9a-f]{60,64}\b", "0" * 60),
        ("ids", r"\bXID: \d+", "XID: 1"),
        ("ids", r"\d+#\d+: \*\d+ ", "7#7: *1 "),
        ("ids", r"\[pid \d+:tid \d+\]", "[pid 7:tid 8]"),
        ("durations", r"\b\d+ ms\b", "500 ms"),
        ("durations", r"\b\d+ milliseconds\b", "500 milliseconds"),
        ("durations", r"(\d/-1/)\d+(?= \d{3} )", r"\g<1>0"),
        ("durations", r"(time taken=)[\d.]+", r"\g<1>2.0"),
        ("durations", r"(Deadline exceeded after )[\d.]+s", r"\g<1>0.5s"),
        ("counters", r"(excess: )[\d.]+", r"\g<1>1.000"),
        ("counters", r"\b\d+/\d+/0/0/0 0/0\b", "1/1/0/0/0 0/0"),
        ("style sheet", r"(?s)<style type=\"text/css\">.*?</style>\n?", ""),
        ("copyright notice", r"<meta type=\"copyright\"[^>]*>\s*", ""),
    )
)


def settle(
    value: object, ports: Mapping[int, int], folders: Mapping[str, str]
) -> tuple[object, set[str]]:
    """`value` with everything volatile replaced, and what that was.

    ports: what each real port is called instead; folders: the same for paths. Strings are looked
    into however deep they lie; the shape stays.
    """
    removed: set[str] = set()

    def text(seen: str) -> str:
        for path, stable in folders.items():
            if path in seen:
                seen = seen.replace(path, stable)
                removed.add("paths")
        for port, stable_port in ports.items():
            seen, count = re.subn(rf"(?<!\d){port}(?!\d)", str(stable_port), seen)
            if count:
                removed.add("ports")
        for what, pattern, stable in _VOLATILE:
            settled = pattern.sub(stable, seen)
            if settled != seen:
                removed.add(what)
                seen = settled
        return seen

    return _walked(value, text), removed


def _walked(value: object, text: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {str(name): _walked(inner, text) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(inner, text) for inner in value]
    return value
