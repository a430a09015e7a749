"""Limits on a turn as a whole, whatever the provider sends and however often it fails."""

from __future__ import annotations

import math
from typing import Final

from chatlab.chat.stream.attempt import StreamFailed
from chatlab.errors import Kind, Verdict, with_verdict
from chatlab.retry import GiveUp, duration

TOTAL_S: Final = 86_400.0
"""A day: the default of ``total_s``."""

MAX_EVENTS: Final = 1_000_000
"""The default of ``max_events``."""

MAX_CHARS: Final = 100_000_000
"""The default of ``max_chars``; a long answer has some 100,000 and a large picture some million."""

RULE: Final = "own-turn-limit"


class TurnLimitExceeded(StreamFailed):
    """A turn was ended by one of its own limits. Its verdict is not retryable."""

    def __init__(self, name: str, limit: str) -> None:
        super().__init__(f"The turn was ended by its own limit: {name} is {limit}.")
        with_verdict(self, Verdict(Kind.GENERIC, retryable=False, rule=RULE))


class TurnLimits:
    """Counts what a turn has taken, over all of its attempts.

    Raises ValueError for a limit that is not positive.
    """

    __slots__ = ("_chars", "_events", "_max_chars", "_max_events", "_total_s", "deadline")

    def __init__(
        self, total_s: float | None, max_events: int | None, max_chars: int | None
    ) -> None:
        limits = {"total_s": total_s, "max_events": max_events, "max_chars": max_chars}
        for name, limit in limits.items():
            if limit is not None and not 0 < limit < math.inf:
                raise ValueError(
                    f"Turn: {name} is {limit!r}; give a positive number, or None for no limit"
                )
        self.deadline: float | None = None
        self._total_s = total_s
        self._max_events = math.inf if max_events is None else max_events
        self._max_chars = math.inf if max_chars is None else max_chars
        self._events = self._chars = 0

    def begin(self, now: float) -> None:
        """Start the turn's time at `now`."""
        if self._total_s is not None:
            self.deadline = now + self._total_s

    def count_event(self, now: float) -> None:
        """Count an event that is handled at `now`. Raises `TurnLimitExceeded`."""
        self._events += 1
        if self._events > self._max_events:
            raise TurnLimitExceeded("max_events", f"{self._max_events:,}")
        if self.deadline is not None and now >= self.deadline:
            self.check(now)

    def count_chars(self, count: int) -> None:
        """Count decoded bytes as they arrive. Raises `TurnLimitExceeded`."""
        self._chars += count
        if self._chars > self._max_chars:
            raise TurnLimitExceeded("max_chars", f"{self._max_chars:,}")

    def check(self, now: float) -> None:
        """Raise `TurnLimitExceeded` if the turn's time is up at `now`."""
        if self.deadline is not None and self._total_s is not None and now >= self.deadline:
            raise TurnLimitExceeded("total_s", duration(self._total_s))

    def no_time_for(self, resumes_at: float) -> GiveUp | None:
        """Tell why no attempt can begin at `resumes_at`, or None."""
        if self.deadline is None or self._total_s is None or resumes_at < self.deadline:
            return None
        limit = duration(self._total_s)
        return GiveUp(f"total_s limits the turn to {limit}, and the next wait would pass it")
