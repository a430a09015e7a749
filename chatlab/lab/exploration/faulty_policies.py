"""Chain policies of other clients, each with its fault, for `explore` to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chatlab.chat import ChainedTurn, Message
from chatlab.chat.chain.steps import Steps


class KeepsFailedId(ChainedTurn):
    """Goes on from the response that began last, whatever became of it.

    So does llama-index-llms-openai 0.8: a stream that ends early is an empty success there, and
    the id of the response that died is the next ``previous_response_id``.
    """

    @property
    def messages(self) -> tuple[Message, ...]:
        """As of `ChainedTurn`, and the id kept."""
        made = super().messages
        if self.response_id is None or (self.answer is None and self.error is None):
            return made
        if made and made[-1].role == "tool":
            return made
        if not made or made[-1].role != "assistant":
            made = (*made, Message("assistant"))
        kept = replace(made[-1], response_id=self.response_id, model=self.model, stored=True)
        return (*made[:-1], kept)


class _TrimmedSteps(Steps):
    _trimmed: tuple[Message, ...] | None = None

    def request(self) -> Mapping[str, object]:
        """As of `Steps`, but what was trimmed for the chain stays trimmed without it."""
        arguments = super().request()
        if self._trimmed is None and self.resolution is not None:
            self._trimmed = self.resolution.messages
        if self.lost is None or self._trimmed is None or self.made:
            return arguments
        return {**arguments, **self.input_of(self._trimmed)}


class RetriesTrimmed(ChainedTurn):
    """Drops the lost id and sends the same input again, which holds only what is new.

    So did term-llm before its pull request 251: the model answers, and has forgotten everything.
    """

    steps = _TrimmedSteps
