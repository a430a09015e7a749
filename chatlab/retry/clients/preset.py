"""How another client waits, as one row of data, and how such a row is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from chatlab.retry.schedule import (
    Schedule,
    Span,
    attempts_to_show,
    count_of_attempts,
    duration,
)


class RetryAfterUse(StrEnum):
    """What a client does with the wait that a provider asks for; the values are for people."""

    IGNORE = "does not look at it"
    EXACT = "waits exactly that, even if the backoff is longer"
    MINIMUM = "waits at least that, and the backoff grows on from there"
    ADJUST = "lengthens its backoff towards it by a few seconds at most"


class AboveLimit(StrEnum):
    """What a client does with a hint above its limit; the values are for people."""

    STOP = "does not retry"
    CAP = "waits the limit instead"
    IGNORE = "waits its backoff instead"
    SHORTEN = "waits its backoff instead, unless the hint is shorter"


class Spread(NamedTuple):
    """The random part of a wait: it is multiplied by a draw from `times` and lengthened by a draw
    from `plus_s`, in seconds."""

    times: Span = Span(1, 1)
    plus_s: Span = Span(0, 0)

    def of(self, seconds: float) -> Span:
        """The shortest and the longest that `seconds` becomes."""
        (least, most), plus_s = self.times, self.plus_s
        return Span(seconds * least + plus_s.low_s, seconds * most + plus_s.high_s)


NO_SPREAD: Final = Spread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one client waits by default. All times are seconds.

    Attributes
    ----------
    source: str
        Version and file in which this was read.
    reads: str
        Which hints the client sees.
    attempts: int or None
        Calls in total, None for no limit.
    initial_s, factor, cap_s: float
        The backoff.
    spread: Spread
        On the backoff, after the cap.
    at_least_s, at_most_s: float
        Limits of a wait without a hint, spread included.
    deadline_s: float or None
        For all attempts and waits. counts_wait: a wait that would end after it does not begin;
        otherwise only one that would begin after it.
    hint: RetryAfterUse
        What is done with a hint.
    hint_limit_s: float
        Up to where it is obeyed; for `RetryAfterUse.ADJUST`, by how much it lengthens the backoff.
    over: AboveLimit
        What is done with a hint above the limit.
    hint_spread: Spread
        On a hint.
    zero_is_hint, whole_only: bool
        Whether 0 is a hint; whether 1.5 is not.
    """

    name: str
    source: str
    reads: str
    attempts: int | None
    initial_s: float
    factor: float = 2.0
    cap_s: float = math.inf
    spread: Spread = NO_SPREAD
    at_least_s: float = 0.0
    at_most_s: float = math.inf
    deadline_s: float | None = None
    counts_wait: bool = False
    hint: RetryAfterUse = RetryAfterUse.IGNORE
    hint_limit_s: float = math.inf
    over: AboveLimit = AboveLimit.CAP
    hint_spread: Spread = NO_SPREAD
    zero_is_hint: bool = False
    whole_only: bool = False

    def schedule(self, hint_s: float | None = None, attempts: int | None = None) -> Schedule:
        """Every wait of a call that never succeeds, each as the span that chance leaves it.

        hint_s: what the provider asks for each time, in seconds; None for no hint, and so is what
        this client does not take for one. attempts: how many to show; by default all, or 25 of a
        client without a limit. Raises ValueError if it is below 1.
        """
        shown = attempts_to_show(attempts, self.attempts)
        if hint_s is not None and not self._takes(hint_s):
            hint_s = None
        waits: list[Span] = []
        backoff_s, spent_s = min(self.initial_s, self.cap_s), 0.0
        while len(waits) + 1 < shown:
            wait = self._wait(backoff_s, hint_s)
            if wait is None:
                limit = duration(self.hint_limit_s)
                return Schedule(tuple(waits), f"it waits for no hint above {limit}")
            if self.deadline_s is not None and self._too_late(spent_s, wait.high_s):
                because = f"its deadline is {duration(self.deadline_s)}"
                return Schedule(tuple(waits), because, deadline_s=self.deadline_s)
            waits.append(Span(*map(float, wait)))
            spent_s += wait.high_s
            if self.hint is RetryAfterUse.MINIMUM:
                backoff_s = max(backoff_s, hint_s or 0.0)
            backoff_s = min(backoff_s * self.factor, self.cap_s)
        if shown == self.attempts:
            return Schedule(tuple(waits), f"the limit is {count_of_attempts(shown)}")
        return Schedule(tuple(waits), "no more was asked for", goes_on=True)

    def _takes(self, hint_s: float) -> bool:
        if self.hint is RetryAfterUse.IGNORE or not 0 <= hint_s < math.inf:
            return False
        return (hint_s > 0 or self.zero_is_hint) and not (self.whole_only and hint_s % 1)

    def _too_late(self, spent_s: float, wait_s: float) -> bool:
        assert self.deadline_s is not None
        if self.counts_wait:
            return spent_s + wait_s > self.deadline_s
        return spent_s >= self.deadline_s

    def _wait(self, backoff_s: float, hint_s: float | None) -> Span | None:
        low_s, high_s = (
            min(max(s, self.at_least_s), self.at_most_s) for s in self.spread.of(backoff_s)
        )
        plain = Span(low_s, high_s)
        if hint_s is None:
            return plain
        if self.hint is RetryAfterUse.ADJUST:
            low_s, high_s = (max(s, min(hint_s, s + self.hint_limit_s)) for s in plain)
            return Span(low_s, high_s)
        if hint_s > self.hint_limit_s:
            match self.over:
                case AboveLimit.STOP:
                    return None
                case AboveLimit.IGNORE:
                    return plain
                case AboveLimit.SHORTEN:
                    hint_s = min(hint_s, backoff_s)
                case AboveLimit.CAP:
                    hint_s = self.hint_limit_s
        if self.hint is RetryAfterUse.MINIMUM:
            hint_s = max(hint_s, backoff_s)
        return self.hint_spread.of(hint_s)
