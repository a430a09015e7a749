"""How long to wait before the next attempt, or why to stop.

A policy has five parts:

    backoff   min(initial_s * factor**n, cap_s) after attempt n, counted from 0
    hint      what the provider asks for, a floor: the wait is the longer of the two
    ceiling   a hint above it ends the retrying and says when to come back
    jitter    off unless chosen; it spreads the backoff, never below the hint
    limits    on the number of attempts, and on the time of all attempts and waits together
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from chatlab.errors import Kind, Verdict
from chatlab.retry.jitter import Jitter, instead_of
from chatlab.retry.schedule import (
    Schedule,
    Span,
    attempts_to_show,
    count_of_attempts,
    duration,
)

LONGEST_S = 366 * 86_400
"""A year in seconds: a policy that waits longer is a mistake."""

CHAIN_LOST = (
    "the provider no longer has the response that the request continues, so the same request "
    "cannot succeed; send the whole history without its id, as chatlab.chat.ChainedTurn does"
)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait, then try again.

    Attributes
    ----------
    delay_s: float
        Seconds.
    because: str
        A sentence for people.
    """

    delay_s: float
    because: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again.

    Attributes
    ----------
    because: str
        A sentence for people.
    resets_in_s: float or None
        Seconds after which the provider said that a call can pass; None if it did not.
    """

    because: str
    resets_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """When to try again, and when to stop. Immutable.

    Every wait is finite, 0 or more, and at most the larger of `cap_s` and `hint_ceiling_s`.

    Parameters
    ----------
    initial_s:
        The backoff after the first attempt, in seconds, 0 or more.
    factor:
        How it grows with each attempt, 1 or more.
    cap_s:
        The longest backoff, in seconds.
    max_attempts:
        How many calls at most; None for no limit.
    hint_ceiling_s:
        The longest wait that a provider may ask for, in seconds; a longer one ends the retrying.
    jitter:
        `Full`, `Equal` or `Decorrelated`, or None.
    max_total_s:
        Seconds from the beginning of the first attempt to the end of the last wait; None for no
        limit. The retrying ends before a wait that would pass it. A running attempt is not cut
        short: give the client a timeout for that.

    Raises
    ------
    ValueError
        For a value that cannot give such waits.

    Examples
    --------
    >>> policy = Backoff(max_total_s=120)
    >>> policy.delay_s(0), policy.delay_s(1), policy.delay_s(9)
    (1.0, 2.0, 60.0)
    >>> policy.schedule().because
    'the limit is 2 min in total, and the next attempt would begin after 2 min 3 s'
    """

    initial_s: float = 1
    factor: float = 2
    cap_s: float = 60
    max_attempts: int | None = 25
    hint_ceiling_s: float = 300
    jitter: Jitter | None = None
    max_total_s: float | None = None

    def __post_init__(self) -> None:
        _check_number("initial_s", self.initial_s, at_least=0)
        _check_number("factor", self.factor, at_least=1)
        _check_number("cap_s", self.cap_s, at_least=0)
        _check_number("hint_ceiling_s", self.hint_ceiling_s, at_least=0)
        if self.max_total_s is not None:
            _check_number("max_total_s", self.max_total_s, at_least=0)
        limit = self.max_attempts
        if limit is not None and (
            isinstance(limit, bool) or not isinstance(limit, int) or limit < 1
        ):
            raise ValueError(
                f"Backoff: max_attempts is {limit!r}; pass a whole number from 1 up (it counts "
                "calls in total), or None for no limit"
            )
        if not (self.jitter is None or isinstance(self.jitter, Jitter)):
            raise ValueError(f"Backoff: jitter is {self.jitter!r}; {instead_of(self.jitter)}")

    def delay_s(self, n: int) -> float:
        """Give the plain backoff after attempt `n`, in seconds, without hint and jitter.

        >>> Backoff(initial_s=0.5, factor=3).delay_s(2)
        4.5

        Raises
        ------
        ValueError
            If `n`, which counts from 0, is negative.
        """
        if n < 0:
            raise ValueError(f"Backoff.delay_s: n is {n}; attempts count from 0")
        if not self.initial_s:
            return 0.0
        try:
            grown_s = self.initial_s * float(self.factor) ** min(n, sys.maxsize)
        except OverflowError:
            grown_s = math.inf
        return float(min(grown_s, self.cap_s))

    def span(self, attempt: int, previous_s: float | None = None) -> Span:
        """Give the shortest and the longest backoff after `attempt`, in seconds.

        They are equal without jitter.

        Parameters
        ----------
        attempt:
            Counted from 0.
        previous_s:
            The wait before this one, in seconds, which only `Decorrelated` looks at; without it,
            the plain backoff of the attempt before.
        """
        backoff_s = self.delay_s(attempt)
        if self.jitter is None:
            return Span(backoff_s, backoff_s)
        if previous_s is None:
            previous_s = self.delay_s(max(attempt - 1, 0))
        first_s = self.delay_s(0)
        return self.jitter.span(backoff_s, first_s=first_s, previous_s=previous_s, cap_s=self.cap_s)

    def give_up(self, attempt: int, verdict: Verdict, *, total_s: float = 0.0) -> GiveUp | None:
        """Tell why not to try again after `attempt` failed with `verdict`, or None.

        Parameters
        ----------
        attempt:
            Counted from 0.
        verdict:
            On its failure. A request that continues a lost response is never repeated as it is.
        total_s:
            Seconds from the beginning of the first attempt to that of the next.
        """
        hint_s = _hint_s(verdict)
        if verdict.chain_broken:
            return GiveUp(CHAIN_LOST, hint_s)
        if not verdict.retryable:
            return GiveUp(f"{verdict.kind.label}: trying again cannot help", hint_s)
        if hint_s is not None and hint_s > self.hint_ceiling_s:
            asked, ceiling = duration(hint_s), duration(self.hint_ceiling_s)
            return GiveUp(
                f"the provider asks to wait {asked}, and {ceiling} is the most that is waited; "
                f"come back in {asked}",
                hint_s,
            )
        if self.max_attempts is not None and attempt + 1 >= self.max_attempts:
            return GiveUp(f"the limit is {count_of_attempts(self.max_attempts)}", hint_s)
        if self.max_total_s is not None and total_s > self.max_total_s:
            return GiveUp(
                f"the limit is {duration(self.max_total_s)} in total, and the next attempt would "
                f"begin after {duration(total_s)}",
                hint_s,
            )
        return None

    def wait(
        self,
        attempt: int,
        verdict: Verdict,
        *,
        previous_s: float | None = None,
        spent_s: float = 0.0,
    ) -> Wait | GiveUp:
        """Decide what to do after `attempt` failed with `verdict`.

        Parameters
        ----------
        attempt:
            Counted from 0.
        verdict:
            On its failure.
        previous_s:
            See `span`.
        spent_s:
            Seconds since the first attempt began, for `max_total_s`.

        Returns
        -------
        Wait or GiveUp
            With jitter, each call that gets as far as a wait draws once.

        Examples
        --------
        >>> Backoff().wait(0, Verdict(Kind.OVERLOADED, retryable=True))
        Wait(delay_s=1.0, because='the backoff after attempt 1 is 1 s')
        """
        stop = self.give_up(attempt, verdict)
        if stop is not None:
            return stop
        span = self.span(attempt, previous_s)
        if self.jitter is None:
            backoff_s, drawn = span.high_s, ""
        else:
            backoff_s = self.jitter.draw(span)
            drawn = f", drawn from {duration(span.low_s)} to {duration(span.high_s)}"
        because = f"the backoff after attempt {attempt + 1} is {duration(backoff_s)}{drawn}"
        delay_s, hint_s = backoff_s, _hint_s(verdict)
        if hint_s is not None:
            asked = f"the provider asks for {duration(hint_s)}"
            longer = hint_s > backoff_s
            because = f"{asked}; {because}" if longer else f"{because}; {asked}"
            delay_s = max(hint_s, backoff_s)
        return self.give_up(attempt, verdict, total_s=spent_s + delay_s) or Wait(delay_s, because)

    def schedule(self, hint_s: float | None = None, attempts: int | None = None) -> Schedule:
        """List every wait of a call that never succeeds: what this policy can cost a person.

        Parameters
        ----------
        hint_s:
            What the provider asks for each time, in seconds; None for no hint. The most that any
            provider can make of it is the schedule for ``hint_s=policy.hint_ceiling_s``.
        attempts:
            How many to show; by default all, or 25 of a policy without a limit.

        Raises
        ------
        ValueError
            If `attempts` is below 1.
        """
        shown = attempts_to_show(attempts, self.max_attempts)
        verdict = Verdict(Kind.RATE_LIMIT, retryable=True, retry_after_s=hint_s)
        floor_s = _hint_s(verdict) or 0.0
        waits: list[Span] = []
        total_s = 0.0
        for attempt in range(shown):
            stop = self.give_up(attempt, verdict)
            if stop is not None:
                return Schedule(tuple(waits), stop.because)
            if attempt + 1 < shown:
                low_s, high_s = self.span(attempt, waits[-1].high_s if waits else None)
                wait = Span(max(low_s, floor_s), max(high_s, floor_s))
                total_s += wait.high_s
                stop = self.give_up(attempt, verdict, total_s=total_s)
                if stop is not None:
                    return Schedule(tuple(waits), stop.because, deadline_s=self.max_total_s)
                waits.append(wait)
        return Schedule(tuple(waits), "no more was asked for", goes_on=True)


def _hint_s(verdict: Verdict) -> float | None:
    hint_s = verdict.retry_after_s
    if hint_s is None or not 0 <= hint_s <= sys.float_info.max:
        return None
    return float(hint_s)


def _check_number(name: str, value: object, *, at_least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"Backoff: {name} is {value!r}; pass a number")
    most = sys.float_info.max if name == "factor" else LONGEST_S
    if not at_least <= value <= most:
        raise ValueError(
            f"Backoff: {name} is {value!r}; it must be finite, from {at_least} to {most:g}"
        )
