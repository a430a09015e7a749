"""The state of a turn, without I/O and clock: from one attempt's result to what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, NoReturn

from chatlab.chat.messages.events import Answer, Status, TurnEvent, TurnStatus
from chatlab.chat.stream.attempt import Attempt, Discarded, OnToolCall, StreamFailed
from chatlab.chat.stream.guards import StreamGuard
from chatlab.chat.stream.limits import TurnLimitExceeded, TurnLimits
from chatlab.chat.stream.turn_metrics import TurnMetrics
from chatlab.errors import NO_RULE, Verdict, classify
from chatlab.errors.observing.objects import attached_verdict
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.retry import Backoff, GiveUp, RetryMachine, State
from chatlab.retry import Event as Happened
from chatlab.retry.attempt_loop import explain_end, log_retry
from chatlab.retry.backoff import CHAIN_LOST

Arguments = Mapping[str, object]
Request = Arguments | Callable[[Verdict | None], Arguments]

_TOOL_CALLED: Final = "a tool call was executed already, and must not be executed twice"
_OWN: Final = "The turn failed in the application, not at the AI provider."
_OURS: Final = {"stream": "a turn always streams", "timeout": "startup_s and silence_s limit it"}


class TurnState:
    """The state of a turn. For its public fields see `Turn`.

    Raises ValueError for limits and arguments that cannot be used.
    """

    def __init__(
        self,
        request: Request,
        policy: Backoff,
        provider: str | None,
        *,
        startup_s: float | None,
        silence_s: float | None,
        limits: TurnLimits,
        on_tool_call: OnToolCall | None,
        judge: Callable[[Verdict], Verdict] | None,
        metrics: TurnMetrics | None,
    ) -> None:
        self.answer: Answer | None = None
        self.response_id: str | None = None
        self.gave_up: GiveUp | None = None
        self.discarded = Discarded()
        self.limits = limits
        self._request = request
        self._provider = provider
        self._guard = partial(
            StreamGuard, startup_s=startup_s, silence_s=silence_s, provider=provider
        )
        self._guard(0.0)
        self._on_tool_call = on_tool_call
        self._judge = judge
        self._metrics = metrics
        self._sent: Arguments = {}
        self._machine = RetryMachine(policy)
        self._verdict: Verdict | None = None
        self._error: BaseException | None = None
        if not callable(request):
            _check(request)

    def begin(self, now: float) -> None:
        """Begin, once. Raises RuntimeError if the turn has begun before."""
        if self._machine.state is not State.IDLE:
            raise RuntimeError("Turn: this turn has run, and it runs once; make a new one")
        self._machine.feed(now, Happened.START)
        self.limits.begin(now)

    def reach(self, status: TurnStatus) -> Status:
        """Return the event for a `status` of the attempt that is running."""
        return Status(status, self._machine.attempt + 1)

    def arguments(self, now: float) -> Arguments:
        """Return what to send in the attempt that begins at `now`.

        Raises what the user's function raises, and the failure of the attempt before if the
        provider has lost the response that the function wants to continue again.
        """
        asked = self._request
        arguments = asked(self._verdict) if callable(asked) else asked
        _check(arguments)
        lost = self._sent.get("previous_response_id")
        if (
            self._verdict is not None
            and self._verdict.chain_broken
            and lost is not None
            and arguments.get("previous_response_id") == lost
        ):
            self._fail(now, self._verdict, GiveUp(CHAIN_LOST))
        self._sent = arguments
        if self._metrics is not None:
            self._metrics.request(self._provider, self._model, arguments)
        return arguments

    @property
    def _model(self) -> str | None:
        model = self._sent.get("model")
        return model if isinstance(model, str) else None

    def attempt(self, now: float, protocol: str, arguments: Arguments) -> Attempt:
        """Make the attempt that sends `arguments` at `now`."""
        choices = arguments.get("n")
        return Attempt(
            self._machine.attempt + 1,
            now,
            self._guard(now),
            protocol,
            choices if isinstance(choices, int) else 1,
            self._on_tool_call,
        )

    def leave(self, now: float, attempt: Attempt) -> None:
        """End `attempt` at `now`, however it went: count it unless it gave the answer."""
        self.response_id = attempt.response_id or self.response_id
        if attempt.answer is None:
            self.discarded += attempt.discarded(now)
        if self._metrics is not None and attempt.ttft_s is not None:
            self._metrics.first_content(self._provider, self._model, ttft_s=attempt.ttft_s)

    def settle(self, now: float, attempt: Attempt) -> ChatStreamRetry | None:
        """Return the retry to announce, or None: the answer is committed. Raises on giving up."""
        verdict = attempt.verdict
        if verdict is None:
            self.answer = attempt.answer
            self._machine.feed(now, Happened.SUCCESS)
            if self._metrics is not None:
                self._metrics.step(self._provider, self._model)
            return None
        if self._judge is not None:
            verdict = self._judge(verdict)
        if attempt.tool_called:
            verdict = replace(verdict, retryable=False)
        self._verdict = verdict
        self._error = attempt.error or StreamFailed(verdict.message)
        # A function can leave out the lost response; fixed arguments would be sent again as is.
        heals = callable(self._request)
        next_ = self._machine.feed(now, replace(verdict, chain_broken=False) if heals else verdict)
        if isinstance(next_, GiveUp):
            if attempt.tool_called:
                next_ = replace(next_, because=_TOOL_CALLED)
            self._fail(now, verdict, next_)
        if late := self.limits.no_time_for(next_.resumes_at):
            self._fail(now, verdict, late)
        if self._metrics is not None:
            self._metrics.retry(verdict, self._model, provider=self._provider)
        log_retry(replace(next_, verdict=verdict))
        number, delay_s = attempt.number, next_.delay_s
        return ChatStreamRetry.announce(verdict, attempt=number, delay_s=delay_s, now_s=now)

    def wake(self, now: float) -> None:
        """Begin the next attempt: the announced wait is over."""
        self._machine.feed(now, Happened.WAKE)

    def failed(self, error: Exception) -> Iterator[TurnEvent]:
        """Give the last events of a turn that raises `error`."""
        yield error_of(error, self._provider)
        yield self.reach(TurnStatus.FAILED)

    def _fail(self, now: float, verdict: Verdict, gave_up: GiveUp) -> NoReturn:
        self.gave_up = gave_up
        assert self._error is not None
        explain_end(self._error, verdict, gave_up, self._machine, now)
        raise self._error


def _check(arguments: Arguments) -> None:
    for name, because in _OURS.items():
        if name in arguments:
            raise ValueError(f"Turn: request has {name!r}; leave it out, {because}")


def error_of(error: Exception, provider: str | None = None) -> ChatError:
    """Make the event that tells viewers of `error`, which ends a turn.

    An error that no attempt raised, and that no rule knows, is the application's own.
    """
    verdict = classify(error, provider)
    event = ChatError.of(verdict)
    if isinstance(error, TurnLimitExceeded):
        return replace(event, message=str(error), provider=None)
    if attached_verdict(error) is None and verdict.rule in NO_RULE:
        return replace(event, message=_OWN, provider=None)
    return event
