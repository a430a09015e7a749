"""The tools of an application: each call is run once, and always gets a result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from chatlab.chat.messages.content import ToolResultPart
from chatlab.chat.messages.parts import ToolCallPart
from chatlab.chat.stream.turn_metrics import TurnMetrics
from chatlab.retry.driver import Call, Flow

Ran = ToolResultPart | str
RunTool = Callable[[ToolCallPart], Ran | Awaitable[Ran]]
Calls = tuple[ToolCallPart, ...]
Results = list[ToolResultPart]


@dataclass(frozen=True, slots=True)
class Tools:
    """Runs calls in their order with `run_tool`; an exception becomes the result.

    metrics: counts the sizes of the results, for `provider` and `model`. Raises ValueError for the
    result of another call, TypeError for something else than a result, and for an asynchronous
    `run_tool` in a synchronous turn.
    """

    run_tool: RunTool
    metrics: TurnMetrics | None
    provider: str | None
    model: str

    def flow(self, calls: Calls, results: Results) -> Flow:
        """Add the result of each of `calls` to `results` as soon as it is there."""
        for call in calls:
            try:
                ran = yield Call(partial(self.run_tool, call))
            except Exception as error:
                ran = ToolResultPart(call.id, f"{type(error).__name__}: {error}", is_error=True)
            if isinstance(ran, Awaitable):
                if isinstance(ran, Coroutine):
                    ran.close()
                raise TypeError("ChainedTurn: run_tool is asynchronous; use `arun` or `aevents`")
            results.append(self._result(call, ran))

    def _result(self, call: ToolCallPart, ran: Ran) -> ToolResultPart:
        result = ToolResultPart(call.id, ran) if isinstance(ran, str) else ran
        if not isinstance(result, ToolResultPart):
            raise TypeError(
                f"ChainedTurn: run_tool gave {ran!r:.80} for the call {call.id!r:.80} of "
                f"{call.name}; give a text or a ToolResultPart"
            )
        if result.call_id != call.id:
            raise ValueError(
                f"ChainedTurn: run_tool gave a result for {result.call_id!r:.80} when it was "
                f"handed the call {call.id!r:.80}; give the call's own id"
            )
        if self.metrics is not None:
            size = len(result.text.encode("utf-8", "replace"))
            size += sum(len(image.data or "") for image in result.images)
            self.metrics.tool_result(self.provider, self.model, call.name, size_bytes=size)
        return result
