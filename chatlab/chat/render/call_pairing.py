"""Calls and their results in pairs, as every provider demands: one result after each call.

The repairs: a result moves up to directly behind the message that called; a call that is there
twice and a second result are left out, and so is a result without a call before it; a call whose
result is missing gets one that says so, because leaving the call out would hide that the tool may
have run. An id that was used before, or that the API would refuse, is changed in the call and in
its result alike: compatible servers number their calls anew in every answer. Of the tools that
the provider ran, a call without its result and a result without its call are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeGuard

from chatlab.chat.messages.content import Content, MarkerPart, ToolResultPart
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.messages.parts import BlockPart, ToolCallPart
from chatlab.chat.render.model_view import recovered

LOST_RESULT: Final = "The result of this call was lost; the tool may or may not have run."

GONE: Final = MarkerPart("gone")
"""Stands where a part was taken out: the others keep their places, and it keeps them apart."""

_PAIRED: Final = (ToolCallPart, ToolResultPart, BlockPart)
_ODD: Final = re.compile("[^A-Za-z0-9_-]")
_STEM_CHARS: Final = 24


class Limits(NamedTuple):
    """What an API takes: the ids of calls, and how many characters the name of a tool may have."""

    call_id: re.Pattern[str]
    name_chars: int


class Numbered(NamedTuple):
    """A message, and its number (from 0) in the history that it is from."""

    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Paired:
    """A history in which each call has its result. repairs: what was wrong, in sentences."""

    messages: tuple[Numbered, ...]
    repairs: tuple[str, ...] = ()


def paired(messages: Iterable[Message], limits: Limits) -> Paired:
    """`messages` repaired as the module says, with the results of a message's calls behind it."""
    whole = tuple(messages)
    paired_parts = [one for m in whole for one in m.parts if isinstance(one, _PAIRED)]
    results = [one for one in paired_parts if isinstance(one, ToolResultPart) and one.by_provider]
    pairing = _Pairing(limits, frozenset(result.call_id for result in results))
    for index, message in enumerate(whole):
        if any(isinstance(part, _PAIRED) for part in message.parts):
            pairing.add(index, message)
        else:
            pairing.messages.append((Numbered(index, message), []))
    return pairing.finish()


def _is_run(part: Content) -> TypeGuard[ToolCallPart]:
    """Whether `part` is a call of a tool that the provider ran."""
    return isinstance(part, ToolCallPart) and part.by_provider


def block_call_id(part: Content) -> str | None:
    """The id of the provider's own call that `part` is the result of; None if it is none."""
    call_id = part.data.get("tool_use_id") if isinstance(part, BlockPart) else None
    return call_id if isinstance(call_id, str) else None


@dataclass(slots=True, eq=False)
class _Call:
    index: int
    part: ToolCallPart
    result: ToolResultPart | None = None


@dataclass(slots=True, eq=False)
class _Pairing:
    limits: Limits
    given_by_provider: frozenset[str]
    messages: list[tuple[Numbered, list[_Call]]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    open: dict[str, list[_Call]] = field(default_factory=dict)
    seen: set[tuple[str, str | None]] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, index: int, message: Message) -> None:
        own: list[_Call] = []
        parts: list[Content] = []
        alone = self._run_by_provider(index, message)
        for number, part in enumerate(message.parts):
            if isinstance(part, ToolCallPart) and not part.by_provider:
                call = self._call(index, part)
                own += [call] if call else []
                parts.append(call.part if call else GONE)
            elif isinstance(part, ToolResultPart):
                self._settle(index, part)
                parts.append(GONE)
            else:
                parts.append(GONE if number in alone else part)
        if any(part is GONE for part in parts) or own:
            message = Message.of_checked(
                message.role,
                tuple(parts),
                message.response_id,
                message.model,
                message.stored,
            )
        self.messages.append((Numbered(index, message), own))

    def finish(self) -> Paired:
        messages: list[Numbered] = []
        for numbered, calls in self.messages:
            messages.append(numbered)
            results = [call.result or self._lost(call) for call in calls]
            if results:
                behind = Message.of_checked(Role.TOOL, tuple(results))
                messages.append(Numbered(numbered.number, behind))
        return Paired(tuple(messages), tuple(self.repairs))

    def _call(self, index: int, part: ToolCallPart) -> _Call | None:
        name = _ODD.sub("_", part.name)[: self.limits.name_chars] or "unnamed"
        waiting = self.open.setdefault(part.id, [])
        said = [(one.part.name, one.part.arguments) for one in waiting if part.id]
        if (name, part.arguments) in said or ("item", part.item_id) in self.seen:
            self._repair(index, f"the call {part.id!r} is there twice; the second is left out")
            return None
        if waiting and waiting[0].index < index:
            waiting.clear()
        own_id, call_id = part.id, self._free_id(part.id)
        if (call_id, name) != (part.id, part.name):
            part = replace(part, id=call_id, name=name)
        call = _Call(index, part)
        waiting.append(call)
        self.seen.add(("call", own_id))
        if part.item_id:
            self.seen.add(("item", part.item_id))
        return call

    def _settle(self, index: int, part: ToolResultPart) -> None:
        if part.by_provider:
            return
        waiting = self.open.get(part.call_id)
        if not waiting:
            twice = ("call", part.call_id) in self.seen
            why = "is the call's second one" if twice else "has no call before it"
            self._repair(index, f"the result of {part.call_id!r} {why}; it is left out")
        else:
            call = waiting.pop(0)
            result = recovered(part)
            if result.call_id != call.part.id:
                result = replace(result, call_id=call.part.id)
            call.result = result

    def _lost(self, call: _Call) -> ToolResultPart:
        self._repair(
            call.index, f"the call {call.part.id!r} has no result; one that says so is added"
        )
        return ToolResultPart(call.part.id, LOST_RESULT, is_error=True)

    def _run_by_provider(self, index: int, message: Message) -> set[int]:
        """The places of the calls and results of the provider's own tools that are no pair."""
        waiting: dict[str, int] = {}
        alone: set[int] = set()
        if not any(isinstance(one, BlockPart) or _is_run(one) for one in message.parts):
            return alone
        for number, part in enumerate(message.parts):
            call_id = block_call_id(part)
            if _is_run(part):
                if ("run", part.id) in self.seen or part.id in waiting:
                    alone.add(number)
                elif part.id not in self.given_by_provider:
                    waiting[part.id] = number
            elif call_id is not None:
                if waiting.pop(call_id, None) is None:
                    alone.add(number)
                else:
                    self.seen.add(("run", call_id))
        alone.update(waiting.values())
        for number in sorted(alone):
            self._repair(
                index, f"parts[{number}], a tool that the provider ran, is no pair; left out"
            )
        return alone

    def _free_id(self, call_id: str) -> str:
        """`call_id` if the API takes it and nothing has it, or else one made from it."""
        candidate = call_id
        if not self.limits.call_id.fullmatch(candidate):
            candidate = _ODD.sub("_", call_id)[:_STEM_CHARS] or "call"
        stem = candidate[:_STEM_CHARS]
        while candidate in self.used:
            self.counts[stem] = self.counts.get(stem, 1) + 1
            candidate = f"{stem}-{self.counts[stem]}"
        self.used.add(candidate)
        return candidate

    def _repair(self, index: int, what: str) -> None:
        self.repairs.append(f"messages[{index}]: {what}")
