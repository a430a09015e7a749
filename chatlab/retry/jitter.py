"""Ways to spread the waits of many clients; each draws only from the generator it was given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from random import Random

from chatlab.retry.schedule import Span
from chatlab.text.spelling import near_names


@dataclass(frozen=True, slots=True)
class Jitter(ABC):
    """A way to spread waits.

    Parameters
    ----------
    rng:
        The caller's own ``random.Random``; its seed determines the waits.

    Raises
    ------
    ValueError
        If `rng` is something else.
    """

    rng: Random = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.rng, Random):
            name = type(self).__name__
            raise ValueError(
                f"{name}: rng is {self.rng!r}; pass a generator, for example "
                f"{name}(random.Random(1)), so that the same seed gives the same waits"
            )

    @abstractmethod
    def span(self, backoff_s: float, *, first_s: float, previous_s: float, cap_s: float) -> Span:
        """Return the range to draw from, in seconds.

        backoff_s: the plain backoff. first_s: the plain backoff after the first attempt.
        previous_s: the wait before this one. cap_s: no wait is longer.
        """

    def draw(self, span: Span) -> float:
        """Draw a value from `span`, in seconds."""
        return min(max(self.rng.uniform(*span), span.low_s), span.high_s)


class Full(Jitter):
    """Between nothing and the backoff."""

    __slots__ = ()

    def span(self, backoff_s: float, *, first_s: float, previous_s: float, cap_s: float) -> Span:
        """See `Jitter.span`."""
        return Span(0.0, backoff_s)


class Equal(Jitter):
    """The upper half of the backoff."""

    __slots__ = ()

    def span(self, backoff_s: float, *, first_s: float, previous_s: float, cap_s: float) -> Span:
        """See `Jitter.span`."""
        return Span(backoff_s / 2, backoff_s)


class Decorrelated(Jitter):
    """From the first backoff to three times the wait before this one, up to the cap."""

    __slots__ = ()

    def span(self, backoff_s: float, *, first_s: float, previous_s: float, cap_s: float) -> Span:
        """See `Jitter.span`."""
        return Span(first_s, max(first_s, min(3 * previous_s, cap_s)))


def instead_of(given: object) -> str:
    """Say what to pass instead of `given`, which is not a jitter, for an error message."""
    names = {kind.__name__.lower(): kind.__name__ for kind in (Full, Equal, Decorrelated)}
    name = given.__name__ if isinstance(given, type) else str(given)
    near = near_names(name, names, 1)
    if near:
        return f"did you mean {names[near[0]]}(random.Random(1))?"
    return "pass Full(rng), Equal(rng), Decorrelated(rng) or None"
