"""Waits that exceptions carry in attributes, under the names by which bodies give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from chatlab.text.patterns import lazy

_NAMES: Final[dict[str, str]] = {
    "retry_after_ms": "retry_after_ms",
    "retry_after": "retry_after",
    "retry_after_s": "retry_after",
    "retry_after_seconds": "retry_after",
    "retry_delay": "retry_delay",
    "reset_seconds": "resets_in_seconds",
    "reset_time": "resets_in_seconds",
}
_DURATION: Final = lazy(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6}(?:\.\d{1,6})?)s)?")
_MAX_CHARS: Final = 40


def waits_in(told: Mapping[str, object]) -> dict[str, object]:
    """The waits among an exception's attributes, in seconds unless their name says otherwise."""
    found: dict[str, object] = {}
    for name in _NAMES.keys() & told.keys():
        wait = _seconds(told[name])
        if wait is not None:
            found[_NAMES[name]] = wait
    return found


def _seconds(value: object) -> float | str | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else value
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CHARS:
        return None
    spelled = _DURATION.fullmatch(value.strip())
    if spelled is None or not any(spelled.groups()):
        return value
    hours, minutes, seconds = (float(part or 0) for part in spelled.groups())
    return 3600 * hours + 60 * minutes + seconds
