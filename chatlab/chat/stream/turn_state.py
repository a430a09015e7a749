"""The course of a turn, without I/O and clock: from one attempt's result to what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from chatlab.chat.messages.events import Answer, Status, TurnEvent, TurnStatus
from chatlab.chat.stream.attempt import Attempt, Discarded, Execute, StreamFailed
from chatlab.chat.stream.guards import StreamGuard
from chatlab.errors import UNMATCHED, Verdict, classify, with_verdict
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.errors.reading.objects import attached_verdict
from chatlab.retry import Backoff, GiveUp, RetryMachine, State
from chatlab.retry import Event as Happened
from chatlab.retry.schedule import count_of_attempts

if TYPE_CHECKING:
    from chatlab.chat.accounting.prometheus import Metrics

Arguments = Mapping[str, object]
Request = Arguments | Callable[[Verdict | None], Arguments]

_HANDED_OUT: Final = "a tool call was executed already, and must not be executed twice"
_OWN: Final = "The turn failed in the application, not at the AI provider."
_OURS: Final = {"stream": "a turn always streams", "timeout": "startup_s and silence_s limit it"}


class Course:
    """Where a turn stands. Of its public fields see `Turn`.

    Raises ValueError for limits and arguments that cannot be used.
    """

    def __init__(
        self,
        request: Request,
        policy: Backoff,
        provider: str | None,
        startup_s: float | None,
        silence_s: float | None,
        execute: Execute | None,
        judge: Callable[[Verdict], Verdict] | None,
        metrics: Metrics | None,
    ) -> None:
        self.answer: Answer | None = None
        self.response_id: str | None = None
        self.gave_up: GiveUp | None = None
        self.discarded = Discarded()
        self._request = request
        self._provider = provider
        self._guard = partial(
            StreamGuard, startup_s=startup_s, silence_s=silence_s, provider=provider
        )
        self._guard(0.0)
        self._execute = execute
        self._judge = judge
        self._metrics = metrics
        self._sent: Arguments = {}
        self._machine = RetryMachine(policy)
        self._verdict: Verdict | None = None
        if not callable(request):
            _check(request)

    def begin(self, now: float) -> None:
        """Begin, once. Raises RuntimeError if the turn has begun before."""
        if self._machine.state is not State.IDLE:
            raise RuntimeError("Turn: this turn has run, and it runs once; make a new one")
        self._machine.feed(now, Happened.START)

    def reach(self, status: TurnStatus) -> Status:
        """The event for a `status` of the attempt that is running."""
        return Status(status, self._machine.attempt + 1)

    def arguments(self) -> Arguments:
        """What to send in the attempt that begins. Raises what the user's function raises."""
        asked = self._request
        arguments = asked(self._verdict) if callable(asked) else asked
        _check(arguments)
        self._sent = arguments
        if self._metrics is not None:
            self._metrics.request(self._provider, self._model, arguments)
        return arguments

    @property
    def _model(self) -> str | None:
        model = self._sent.get("model")
        return model if isinstance(model, str) else None

    def attempt(self, now: float, protocol: str, arguments: Arguments) -> Attempt:
        """The attempt that sends `arguments` at `now`."""
        choices = arguments.get("n")
        return Attempt(
            self._machine.attempt + 1,
            now,
            self._guard(now),
            protocol,
            choices if isinstance(choices, int) else 1,
            self._execute,
        )

    def leave(self, now: float, attempt: Attempt) -> None:
        """The attempt is over at `now`, however it ended: count it unless it gave the answer."""
        self.response_id = attempt.response_id or self.response_id
        if attempt.answer is None:
            self.discarded += attempt.discarded(now)
        if self._metrics is not None and attempt.ttft_s is not None:
            self._metrics.first_content(self._provider, self._model, ttft_s=attempt.ttft_s)

    def settle(self, now: float, attempt: Attempt) -> ChatStreamRetry | None:
        """The retry to announce, or None: the answer is committed. Raises when it gives up."""
        verdict = attempt.verdict
        if verdict is None:
            self.answer = attempt.answer
            self._machine.feed(now, Happened.SUCCESS)
            if self._metrics is not None:
                self._metrics.step(self._provider, self._model)
            return None
        if self._judge is not None:
            verdict = self._judge(verdict)
        if attempt.handed_out:
            verdict = replace(verdict, retryable=False)
        self._verdict = verdict
        next_ = self._machine.feed(now, verdict)
        if isinstance(next_, GiveUp):
            self.gave_up = replace(next_, because=_HANDED_OUT) if attempt.handed_out else next_
            self._raise(attempt, verdict, self.gave_up)
        if self._metrics is not None:
            healing = (
                verdict.chain_broken
                and callable(self._request)
                and "previous_response_id" in self._sent
            )
            self._metrics.retry(verdict, self._model, provider=self._provider, chain_broken=healing)
        number, delay_s = attempt.number, next_.delay_s
        return ChatStreamRetry.announce(verdict, attempt=number, delay_s=delay_s, now_s=now)

    def wake(self, now: float) -> None:
        """The announced wait is over: the next attempt begins."""
        self._machine.feed(now, Happened.WAKE)

    def failed(self, error: Exception) -> Iterator[TurnEvent]:
        """The last events of a turn that raises `error`."""
        yield error_of(error, self._provider)
        yield self.reach(TurnStatus.FAILED)

    def _raise(self, attempt: Attempt, verdict: Verdict, gave_up: GiveUp) -> NoReturn:
        error = attempt.error or StreamFailed(verdict.message)
        # An exception can refuse attributes (a frozen dataclass does); it is still the outcome.
        with suppress(Exception):
            with_verdict(error, verdict)
            attempts = count_of_attempts(attempt.number)
            error.add_note(f"chatlab gave up after {attempts}: {gave_up.because}")
        raise error


def _check(arguments: Arguments) -> None:
    for name, because in _OURS.items():
        if name in arguments:
            raise ValueError(f"Turn: request has {name!r}; leave it out, {because}")


def error_of(error: Exception, provider: str | None = None) -> ChatError:
    """What viewers are told of `error`, which ends a turn.

    One that no attempt raised, and that no rule knows, is the application's own.
    """
    verdict = classify(error, provider)
    told = ChatError.of(verdict)
    if attached_verdict(error) is None and verdict.rule == UNMATCHED:
        return replace(told, message=_OWN, provider=None)
    return told
