"""What each step of a turn sends to OpenAI's Responses, without I/O and clock.

    first step     chained or replayed, as `resolve_chain` says
    later steps    the tools' results, chained to the step before
    id refused     drop it, leave chain mode for the rest of the turn, replay the whole history
    item refused   the same, where the request refers to an item that the provider has lost

A step is one request that gives an answer; its retries belong to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from chatlab.chat.chain import Resolution, resolve_chain
from chatlab.chat.contracts import RESPONSES, Outcome
from chatlab.chat.events import Answer
from chatlab.chat.history import Message, Role, ToolResultPart, read
from chatlab.chat.parts import ToolCallPart
from chatlab.chat.replay_input import replay_input
from chatlab.chat.replay_responses import output_item
from chatlab.chat.shown import sendable
from chatlab.errors import Verdict

History = Iterable[object] | Callable[[], Iterable[object]]

_OURS: Final = {
    "input": "the history and the question make it",
    "previous_response_id": "the history says it",
    "conversation": "a conversation of the provider's and a chain exclude each other",
    "store": "give it to the turn itself",
}
_log = logging.getLogger(__name__)


class Steps:
    """The steps of one turn: `request` says what to send, `answered` and `results` what came.

    history, question, model, store, chain, plan_mode, request, on_lost: as in `ChainedTurn`.
    made: the messages that the turn has made so far, ids and all. lost: the response id that the
    provider no longer knew. seen: how many stored messages the requests were made from.
    """

    def __init__(
        self,
        history: History,
        question: tuple[Message, ...],
        *,
        model: str,
        store: bool,
        chain: bool,
        plan_mode: bool,
        request: Mapping[str, object],
        on_lost: Callable[[str], object] | None,
    ) -> None:
        for name, because in _OURS.items():
            if name in request:
                raise ValueError(f"ChainedTurn: request has {name!r}; leave it out, {because}")
        self.question = question
        self.made: list[Message] = []
        self.resolution: Resolution | None = None
        self.lost: str | None = None
        self.seen = 0
        self._load = history
        self._model = model
        self._store = store
        self._plan_mode = plan_mode
        self._fixed = {"model": model, **request, "store": store}
        self._on_lost = on_lost
        self._stored: list[Message | str] | None = None
        self._chains = chain and store and not plan_mode
        self._references = True
        self._stale = False
        self._anchor: str | None = None
        self._referenced: frozenset[str] = frozenset()

    def request(self) -> Mapping[str, object]:
        """The arguments for the next attempt.

        Raises ValueError if there is nothing to send, and what loading the history raises.
        """
        if self._stored is None:
            self._stored = self._loaded()
            self._resolve(self._stored)
        elif self._stale:
            self._reload()
        body = self._body()
        references = [one for one in body["input"] if one["type"] == "item_reference"]
        self._referenced = frozenset(str(one["id"]) for one in references)
        return {**self._fixed, **body}

    def judge(self, verdict: Verdict) -> Verdict:
        """`verdict` on the last attempt; a lost response is dropped, whether or not it is retried.

        A refusal of anything that the request referred to counts as a lost response.
        """
        referred = self._referenced
        if self._anchor is not None:
            referred |= {self._anchor, "previous_response_id"}
        refused = (verdict.status_code or 0) // 100 == 4 and not verdict.retryable
        if refused and any(name in verdict.detail for name in referred):
            verdict = replace(verdict, retryable=True, chain_broken=True)
        if verdict.chain_broken and (self._chains or self._referenced):
            self._leave_chain()
        return verdict

    def answered(self, answer: Answer) -> tuple[ToolCallPart, ...]:
        """Take in the committed answer of a step; the calls that the application has to run."""
        message = Message.answered(answer, model=self._model, store=self._store)
        self.made.append(message)
        self._anchor = message.response_id if self._chains else None
        complete = answer.outcome is Outcome.COMPLETE
        return tuple({call.id: call for call in message.local_calls if complete}.values())

    def results(self, results: Iterable[ToolResultPart]) -> None:
        """Take in what the tools of the last answer gave."""
        self.made.append(Message(Role.TOOL, results))

    def messages(self, completed: bool) -> tuple[Message, ...]:
        """The question and what was made of it. Only a `completed` turn keeps response ids."""
        if completed:
            return (*self.question, *self.made)
        nameless = [replace(message, response_id=None, stored=False) for message in self.made]
        return (*self.question, *nameless)

    def input_of(self, messages: Iterable[Message]) -> dict[str, Any]:
        """`messages` as the arguments of a request that replays them."""
        known = replay_input(RESPONSES, messages, model=self._model, references=self._references)
        return known.request

    def _loaded(self) -> list[Message | str]:
        loaded = self._load() if callable(self._load) else self._load
        if not isinstance(loaded, Iterable) or isinstance(loaded, str | bytes | Mapping):
            if isinstance(loaded, Coroutine):
                loaded.close()
            raise TypeError(
                f"ChainedTurn: history gives {loaded!r:.80}, which is no list of messages; "
                "give messages, or a plain function that returns them"
            )
        history = read(loaded)
        self.seen = len(history)
        return history

    def _resolve(self, stored: list[Message | str]) -> None:
        known = [*stored, *self.question]
        found = resolve_chain(known, self._store, self._model, self._plan_mode)
        self.resolution = found
        if self._chains:
            self._anchor = found.previous_response_id

    def _body(self) -> dict[str, Any]:
        if self._anchor is None:
            return self._replayed()
        chained = {"previous_response_id": self._anchor}
        if not self.made:
            assert self.resolution is not None
            return {**self.input_of(self.resolution.messages), **chained}
        *_, answer, results = self.made
        customs = {call.id for call in answer.local_calls if call.custom}
        outputs = [output_item(one, custom=one.call_id in customs) for one in results.local_results]
        return {"input": sendable(outputs), **chained}

    def _replayed(self) -> dict[str, Any]:
        stored = [message for message in self._stored or () if isinstance(message, Message)]
        return self.input_of((*stored, *self.question, *self.made))

    def _leave_chain(self) -> None:
        lost, self._anchor = self._anchor, None
        self._chains = self._references = False
        self._stale = True
        if lost is None:
            return
        self.lost = lost
        if self._on_lost is not None:
            try:
                self._on_lost(lost)
            except Exception:
                _log.warning("on_lost raised; the turn goes on", exc_info=True)

    def _reload(self) -> None:
        self._stale = False
        if not callable(self._load):
            return
        try:
            self._stored = self._loaded()
        except Exception:
            _log.warning("the history could not be reloaded; the copy is replayed", exc_info=True)
