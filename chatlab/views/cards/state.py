"""The state of a turn's card, without clock and widgets: fed with events, told the time.

    idle -> starting -> streaming -> completed
               |  after 15 s: delayed start
               +-> retrying, with a countdown -> starting ...      failed      cancelled

It reads events in any order, as `Timeline` does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from chatlab.chat.messages.events import Answer, TurnEvent, TurnStatus
from chatlab.chat.stream.attempt import DELAYED_START_S
from chatlab.chat.stream.contracts import Outcome
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.errors.providers import SHIPPED
from chatlab.errors.reading.who_answered import DISPLAY_NAMES, normalised_provider
from chatlab.views.figures.timeline import ShownAttempt, ShownPart, Timeline

STATUS_PAGES: Final[Mapping[str, str]] = {
    name: SHIPPED[name].status_page for name in DISPLAY_NAMES if SHIPPED[name].status_page
}
"""Where each provider tells the public how it is; a compatible server has no such page."""

TITLES: Final[Mapping[TurnStatus, str]] = {
    TurnStatus.IDLE: "Not started",
    TurnStatus.STARTING: "Waiting for the first content",
    TurnStatus.DELAYED_START: "The start takes longer than usual",
    TurnStatus.STREAMING: "The answer is coming in",
    TurnStatus.RETRYING: "Trying again",
    TurnStatus.FAILED: "Call failed",
    TurnStatus.COMPLETED: "The answer is there",
    TurnStatus.CANCELLED: "Stopped by the person",
}
"""What a state means, where no failure has a title of its own."""

NOTES: Final[Mapping[Outcome, str]] = {
    Outcome.INCOMPLETE: "The answer was cut by a limit.",
    Outcome.REFUSED: "The model refused.",
    Outcome.UNKNOWN: "The provider does not tell whether the answer is whole.",
}
"""What must be said beside an answer that is not simply complete."""


class CardState:
    """What a card shows of one turn. `feed` it events, `tick` it the time, in seconds of any clock.

    The time never goes back: an earlier one counts as the latest.

    Parameters
    ----------
    provider : str, optional
        Who answers, where the events do not tell.

    Examples
    --------
    >>> from chatlab.lab import replay
    >>> state = CardState()
    >>> for at_s, event in replay(["http-error:503", "success"]).events:
    ...     state.feed(at_s, event)
    >>> str(state.status), len(state.attempts)
    ('completed', 2)
    """

    def __init__(self, provider: str | None = None) -> None:
        self._provider = normalised_provider(provider)
        self._timeline = Timeline()
        self._now = -math.inf

    def feed(self, now: float, event: TurnEvent) -> None:
        """Take in an event seen at `now`. Raises ValueError if that is not finite."""
        self.tick(now)
        self._timeline.feed(self._now, event)

    def tick(self, now: float) -> None:
        """It is `now`. Raises ValueError if that is not finite."""
        if not math.isfinite(now):
            raise ValueError(f"card: {now!r} is no time; give finite seconds")
        self._now = max(self._now, now)

    @property
    def status(self) -> TurnStatus:
        """Where the turn stands. A start is delayed after 15 s, whether or not that was told."""
        status = self._timeline.status
        late = status is TurnStatus.STARTING and self._since_s >= DELAYED_START_S
        return TurnStatus.DELAYED_START if late else status

    @property
    def over(self) -> bool:
        """Whether the turn has ended; nothing changes then."""
        return self._timeline.over is not None

    @property
    def attempts(self) -> tuple[ShownAttempt, ...]:
        """Every attempt so far."""
        return self._timeline.attempts

    @property
    def parts(self) -> tuple[ShownPart, ...]:
        """What stands of the answers: committed, then provisional. Nothing that was dropped."""
        return tuple(part for attempt in self._standing for part in attempt.parts)

    @property
    def text(self) -> str:
        """What stands of the answers' texts, of the first choice."""
        return "".join(attempt.text for attempt in self._standing)

    @property
    def _standing(self) -> list[ShownAttempt]:
        last = self._timeline.last
        return [one for one in self.attempts if one.answer or (one is last and not one.dropped)]

    @property
    def taken_back(self) -> tuple[ShownPart, ...]:
        """The parts that the last failure has taken back, until the next attempt begins."""
        last = self._timeline.last
        return last.parts if last is not None and last.dropped else ()

    @property
    def failure(self) -> ChatStreamRetry | ChatError | None:
        """What went wrong, while the turn waits to retry or after it has failed."""
        last = self._timeline.last
        if last is None or self.status not in (TurnStatus.RETRYING, TurnStatus.FAILED):
            return None
        return last.retry or last.error

    @property
    def answer(self) -> Answer | None:
        """The committed answer."""
        last = self._timeline.last
        return None if last is None else last.answer

    @property
    def kind(self) -> Kind | None:
        """The kind of `failure`; its `label` is for people."""
        return None if self.failure is None else self.failure.kind

    @property
    def announced_s(self) -> float | None:
        """The wait that was announced, in seconds, while it lasts."""
        retry = self.failure if self.status is TurnStatus.RETRYING else None
        return retry.delay_s if isinstance(retry, ChatStreamRetry) else None

    @property
    def countdown_s(self) -> float | None:
        """Seconds until the next attempt, down from the announced wait to 0; None if none is due.

        Counted from when the retry was seen, so that a viewer's clock need not be right.
        """
        if self.announced_s is None:
            return None
        return max(self.announced_s - self._since_s, 0.0)

    @property
    def moving(self) -> bool:
        """Whether time alone will change what is shown."""
        return bool(self.countdown_s) or self.status is TurnStatus.STARTING

    @property
    def provider(self) -> str | None:
        """Who answers; nobody if an application's own usage limit is what failed."""
        failure = self.failure
        if failure is not None and failure.provider is not None:
            return failure.provider
        own = failure is not None and failure.kind is Kind.USAGE_LIMIT
        return None if own else self._provider

    @property
    def status_page(self) -> str | None:
        """The provider's public status page, for as long as something is amiss."""
        amiss = self.failure is not None or self.status is TurnStatus.DELAYED_START
        return STATUS_PAGES.get(self.provider or "") if amiss else None

    @property
    def title(self) -> str:
        """What is going on, in a few words."""
        if self.kind is None:
            return TITLES[self.status]
        failed = self.status is TurnStatus.FAILED
        return self.kind.failed_title if failed else self.kind.retrying_title

    @property
    def message(self) -> str:
        """What went wrong in a sentence, or what must be said beside the answer."""
        failure = self.failure
        if failure is not None:
            return failure.message if isinstance(failure, ChatError) else failure.error
        return NOTES.get(self.answer.outcome, "") if self.answer else ""

    @property
    def _since_s(self) -> float:
        """Seconds since the last attempt ended, or began if it still runs."""
        last = self._timeline.last
        if last is None:
            return 0.0
        return self._now - (last.began_at if last.ended_at is None else last.ended_at)
