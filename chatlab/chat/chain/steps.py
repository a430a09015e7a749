"""What each step of a turn sends to OpenAI's Responses, without I/O and clock.

    first step     chained or replayed, as `resolve_chain` says
    later steps    the tools' results, chained to the step before
    id refused     drop it, leave chain mode for the rest of the turn, replay the whole history
    item refused   the same, where the request refers to an item that the provider has lost

A step is one request that gives an answer; its retries belong to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from chatlab.chat.chain.resolver import Mode, Resolution, resolve_chain
from chatlab.chat.messages.content import ToolResultPart
from chatlab.chat.messages.events import Answer
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.messages.parts import ReasoningPart, ToolCallPart
from chatlab.chat.render.full_history import replay_input
from chatlab.chat.render.openai_responses import tool_outputs
from chatlab.chat.stream.contracts import RESPONSES, Outcome
from chatlab.errors import Verdict
from chatlab.retry.callbacks import call_back

Stored = Iterable[object] | Callable[[], Iterable[object]]
"""Stored messages, or a function that loads them."""

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
        history: Stored,
        question: tuple[Message, ...],
        *,
        model: str,
        store: bool,
        chain: bool,
        plan_mode: bool,
        request: Mapping[str, object],
        on_lost: Callable[[str], object] | None,
    ) -> None:
        extra = request.get("extra_body")
        given = {*request, *(extra if isinstance(extra, Mapping) else ())}
        for name, because in _OURS.items():
            if name in given:
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
        self._known: History | None = None
        self._wanted = chain
        self._chains = chain and store and not plan_mode
        self._keeps_ids = True
        self._references = True
        self._stale = False
        self._anchor: str | None = None
        self._continued: str | None = None
        self._referenced: frozenset[str] = frozenset()

    def request(self) -> Mapping[str, object]:
        """The arguments for the next attempt.

        Raises ValueError if there is nothing to send, and what loading the history raises.
        """
        if self._known is None:
            self._known = self._loaded()
            self._resolve(self._known)
        elif self._stale:
            self._reload()
        body = self._body()
        references = [one for one in body["input"] if one["type"] == "item_reference"]
        self._referenced = frozenset(str(one["id"]) for one in references)
        return {**self._fixed, **body}

    def judge(self, verdict: Verdict) -> Verdict:
        """`verdict` on the last attempt; a lost response is dropped, whether or not it is retried.

        A refusal of anything that the request referred to counts as a lost response. What the
        provider calls a broken history, it may call so because of its own copy.
        """
        said = f"{verdict.detail} {verdict.failure.body if verdict.failure else None}"
        referred = self._referenced
        if self._anchor is not None:
            referred |= {self._anchor, "previous_response_id"}
        refused = (verdict.status_code or 0) // 100 == 4 and not verdict.retryable
        if (refused and any(name in said for name in referred)) or (
            verdict.chain_broken and self._anchor is not None
        ):
            verdict = replace(verdict, retryable=True, chain_broken=True)
        if verdict.chain_broken and (self._chains or self._referenced):
            self._keeps_ids = self._keeps_ids and "data retention" not in said.lower()
            self._leave_chain(said)
        elif self._anchor is not None and verdict.rule.startswith("continuity-"):
            self._leave_chain(said)
        return verdict

    def answered(self, answer: Answer) -> tuple[ToolCallPart, ...]:
        """Take in the committed answer of a step; the calls that the application has to run."""
        message = Message.answered(answer, model=self._model, store=self._store)
        self.made.append(message)
        self._anchor = message.response_id if self._chains else None
        calls = {(call.id, call.name, call.arguments): call for call in message.local_calls}
        if answer.outcome is not Outcome.COMPLETE or len(message.open_calls) > len(
            message.local_calls
        ):
            return ()
        if len({call.id or None for call in calls.values()} - {None}) < len(calls):
            self._anchor = None  # a replay gives each call an id of its own
        return tuple(calls.values())

    def results(self, results: Iterable[ToolResultPart]) -> None:
        """Take in what the tools of the last answer gave."""
        self.made.append(Message(Role.TOOL, results))

    def messages(self, completed: bool) -> tuple[Message, ...]:
        """The question and what was made of it. Only a `completed` turn keeps response ids."""
        if completed and self._keeps_ids:
            return (*self.question, *self.made)
        return (*self.question, *map(_nameless, self.made))

    def input_of(self, messages: Iterable[Message]) -> dict[str, Any]:
        """`messages` as the arguments of a request that replays them."""
        known = replay_input(RESPONSES, messages, model=self._model, references=self._references)
        return known.request

    def _loaded(self) -> History:
        """The stored messages, with the question behind them."""
        loaded = self._load() if callable(self._load) else self._load
        if not isinstance(loaded, Iterable) or isinstance(loaded, str | bytes | Mapping):
            if isinstance(loaded, Coroutine):
                loaded.close()
            raise TypeError(
                f"ChainedTurn: history gives {loaded!r:.80}, which is no list of messages; "
                "give messages, or a plain function that returns them"
            )
        history = History.read(loaded)
        self.seen = history.seen
        for one in history.problems:
            _log.warning("a message cannot be read and is left out: %s", one)
        return history.followed_by(self.question)

    def _resolve(self, known: History) -> None:
        found = resolve_chain(
            known, model=self._model, store=self._store, plan_mode=self._plan_mode
        )
        self.resolution = found if self._wanted else _replaying(found, known, "chain mode is off")
        self._anchor = self._continued = self.resolution.previous_response_id

    def _body(self) -> dict[str, Any]:
        if self._anchor is None:
            return self._replayed()
        chained = {"previous_response_id": self._anchor}
        if not self.made:
            assert self.resolution is not None
            return {**self.input_of(self.resolution.messages), **chained}
        *_, answer, results = self.made
        return {"input": tool_outputs(answer, results), **chained}

    def _replayed(self) -> dict[str, Any]:
        known = self._known.messages if self._known else self.question
        return self.input_of((*known, *self.made))

    def _leave_chain(self, said: str) -> None:
        """Go on without the chain; `said`: what the provider refused it with."""
        lost, self._anchor = self._anchor, None
        self._chains = self._references = False
        self._stale = True
        self.made = [_nameless(message) for message in self.made]
        self.lost = lost or self.lost
        if self.resolution is not None and self._known is not None:
            self.resolution = _replaying(
                self.resolution, self._known, f"the provider has lost {lost!r}"
            )
        if self._on_lost is not None:
            for name in dict.fromkeys(filter(None, (lost, *self._sources_of(said)))):
                call_back(self._on_lost, "on_lost", name)

    def _sources_of(self, said: str) -> Iterator[str | None]:
        """The stored responses that were lost with it: what it continued, and made an item of."""
        for message in self._known.messages if self._known else ():
            ids = [part.id for part in message.parts if isinstance(part, ReasoningPart)]
            if any(one is not None and one in said for one in ids):
                yield message.response_id
        if self.made and self._continued is not None:
            yield self._continued

    def _reload(self) -> None:
        self._stale = False
        if not callable(self._load):
            return
        try:
            self._known = self._loaded()
        except Exception:
            _log.warning("the history could not be reloaded; the copy is replayed", exc_info=True)


def _nameless(message: Message) -> Message:
    return replace(message, response_id=None, stored=False)


def _replaying(found: Resolution, known: History, because: str) -> Resolution:
    """`found`, but for a turn that replays because of something else."""
    reason = because if found.mode is Mode.CHAIN else found.because
    return replace(
        found, mode=Mode.REPLAY, previous_response_id=None, messages=known.messages, because=reason
    )
