"""What a policy costs at worst: every wait of a call that never succeeds, and words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

SHOWN_ATTEMPTS: Final = 25
"""How many attempts a schedule shows of a policy without a limit."""

_UNITS: Final = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration(seconds: float) -> str:
    """Format `seconds`, finite and 0 or more, for people, in two units at most.

    >>> duration(34.4), duration(1143), duration(259_200)
    ('34.4 s', '19 min 3 s', '3 days')
    """
    if round(seconds, 2) < 60:
        return f"{round(seconds, 2):g} s"
    left, parts = round(seconds), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
        elif parts:
            break
    return " ".join(parts[:2])


def count_of_attempts(count: int) -> str:
    """Format a number of attempts.

    >>> count_of_attempts(1), count_of_attempts(25)
    ('1 attempt', '25 attempts')
    """
    return f"{count} attempt{'' if count == 1 else 's'}"


class Span(NamedTuple):
    """The shortest and the longest that one wait can be, in seconds; equal without jitter."""

    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every wait of a call that never succeeds and whose attempts themselves take no time.

    Attributes
    ----------
    waits: tuple of Span
        One for each wait.
    because: str
        Why it ends there, for people.
    goes_on: bool
        The policy would retry further than is shown.
    deadline_s: float or None
        The policy's limit on the total time, where that ended it: shorter draws then leave room
        for more waits.
    """

    waits: tuple[Span, ...]
    because: str
    goes_on: bool = False
    deadline_s: float | None = None

    @property
    def worst_s(self) -> float:
        """Seconds spent waiting when every wait is as long as it can be."""
        longest_s = sum(wait.high_s for wait in self.waits)
        jittered = any(wait.low_s < wait.high_s for wait in self.waits)
        if self.deadline_s is not None and jittered:
            return max(longest_s, self.deadline_s)
        return longest_s

    @property
    def sentence(self) -> str:
        """For people: ``"worst case you wait 19 min 3 s, then it stops: ..."``."""
        if self.goes_on:
            attempts = count_of_attempts(len(self.waits) + 1)
            return f"worst case you wait {duration(self.worst_s)} in {attempts}, and it goes on"
        if not self.waits:
            return f"you do not wait at all: {self.because}"
        return f"worst case you wait {duration(self.worst_s)}, then it stops: {self.because}"

    def __str__(self) -> str:
        return self.sentence


def attempts_to_show(attempts: int | None, limit: int | None) -> int:
    """Return how many attempts a schedule shows: as asked, else the policy's `limit`, else 25.

    Raises ValueError if `attempts` is not a whole number from 1 up.
    """
    if attempts is None:
        return SHOWN_ATTEMPTS if limit is None else limit
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise ValueError(f"schedule: attempts is {attempts!r}; pass a whole number from 1 up")
    return attempts if limit is None else min(attempts, limit)
