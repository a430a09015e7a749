"""Folds the events of one attempt into the parts of an answer, provisional until committed.

The types of the events, which never overlap between protocols, decide how each is read. Where an
event repeats a complete text (``.done``, a finished item, the finished response), that is the
truth: what was missing is added, and what was there is not added twice. Audio is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from chatlab.chat.messages.events import Answer
from chatlab.chat.messages.parts import Part, Piece
from chatlab.chat.messages.usage import COUNTS, Tally, Usage
from chatlab.chat.stream.contracts import Ending, Outcome
from chatlab.chat.stream.guards import at, choices, delta, event_dict, number
from chatlab.chat.stream.part_builder import ONLY, SUMMARY, PartBuilder, Section
from chatlab.chat.stream.text_deltas import (
    BLOCK_TEXTS,
    NOT_ONLY_TEXT,
    RESPONSE_TEXTS,
    Place,
    mapping,
    text_at,
)

USAGE_PLACES: Final = ("usage", "message.usage", "response.usage", "x_groq.usage")

TOOL_BLOCKS: Final = {"tool_use": False, "server_tool_use": True, "mcp_tool_use": True}
"""Anthropic's blocks that call a tool, and whether the provider runs it."""

ITEM_PARTS: Final = {
    "message": "text",
    "reasoning": "reasoning",
    "function_call": "tool_call",
    "custom_tool_call": "tool_call",
}
"""Items of a response that become parts of their own; any other is kept as a block."""

_SECTIONS: Final = {"content_index": "", "summary_index": SUMMARY}
_Key = tuple[str | int, ...]
_Known = Mapping[str, object]
_NONE: Final[_Known] = {}


class _Last(NamedTuple):
    """The text that the last event added to: where the event had it, and where it went."""

    place: Place
    builder: PartBuilder
    texts: list[str]


class Accumulator:
    """Collects one attempt. Nothing it holds is an answer before `commit`.

    response_id, model: as the provider sent them first; None before.
    """

    def __init__(self) -> None:
        """Start an attempt that has shown nothing."""
        self.response_id: str | None = None
        self.model: str | None = None
        self._tally = Tally()
        self._builders: dict[_Key, PartBuilder] = {}
        self._slots: dict[_Key, int] = {}
        self._pieces: list[Piece] = []
        self._last: _Last | None = None

    def more(self, event: Mapping[str, object]) -> Piece | None:
        """Take in `event` if it only continues the text of the event before; else return None.

        Almost all events of a stream do. It returns their piece without looking for anything else.
        """
        last = self._last
        if last is None:
            return None
        place, text = text_at(event)
        if place != last.place or not text or not NOT_ONLY_TEXT.isdisjoint(event):
            return None
        last.texts.append(text)
        return last.builder.piece(text)

    def feed(self, event: object) -> tuple[Piece, ...]:
        """Fold in one decoded event; return the pieces that it adds. Unknown events add nothing."""
        decoded = event_dict(event)
        self._pieces = []
        self._last = None
        kind, listed = _str(decoded.get("type")), choices(decoded)
        head = decoded if listed else mapping(decoded.get("message") or decoded.get("response"))
        self.response_id = self.response_id or _str(head.get("id")) or None
        self.model = self.model or _str(head.get("model")) or None
        self._count(decoded)
        for index, choice in listed:
            self._choice(index, choice)
        if listed and self.response_id and self.model:
            builder = self._builders.get(("text", listed[0][0]))
            self._remember(decoded, builder)
        if kind == "content_block_start":
            self._block(number(decoded.get("index")), mapping(decoded.get("content_block")))
        elif kind == "content_block_delta":
            self._block_delta(decoded)
        elif kind.startswith("response."):
            self._response(kind, decoded)
        return tuple(self._pieces)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts so far, in the order in which they began."""
        calls = [one for one in self._builders.values() if one.part == "tool_call"]
        place = {id(one): index for index, one in enumerate(calls)}
        return tuple(one.build(place.get(id(one), 0)) for one in self._builders.values())

    @property
    def usage(self) -> Usage | None:
        """The tokens reported so far, also for a discarded attempt; None if none were."""
        return self._tally.usage

    def commit(self, ending: Ending) -> Answer:
        """Make the answer, now that its contract has ended. Raises ValueError for a failed one."""
        if ending.outcome is Outcome.FAILED:
            raise ValueError(
                f"commit: the attempt failed ({ending.because}); its parts are provisional: "
                "drop them, and retry or fail the turn"
            )
        ids = self.response_id, self.model
        return Answer(ending.outcome, self.parts, ending.reason, *ids, self.usage)

    def _remember(
        self, event: Mapping[str, object], builder: PartBuilder | None, section: Section = ONLY
    ) -> None:
        place = text_at(event)[0]
        if place and builder and section in builder.sections:
            self._last = _Last(place, builder, builder.sections[section])

    def _count(self, event: Mapping[str, object]) -> None:
        if NOT_ONLY_TEXT.isdisjoint(event):
            return
        for told in (at(event, place) for place in USAGE_PLACES):
            for path in (path for paths in COUNTS.values() for path in paths if told):
                self._tally.note(path, at(told, path))

    def _part(self, key: _Key, part: str, known: _Known = _NONE, choice: int = 0) -> PartBuilder:
        builder = self._builders.get(key)
        fresh = builder is None
        if builder is None:
            builder = self._builders[key] = PartBuilder(len(self._builders), part, choice)
        builder.known.update({k: v for k, v in known.items() if isinstance(v, str) and v})
        if fresh and part in ("tool_call", "block"):
            self._pieces.append(builder.piece(""))
        return builder

    def _block(self, index: int, block: Mapping[str, object]) -> None:
        key, kind = ("block", index), _str(block.get("type"))
        if kind == "text":
            self._pieces += self._part(key, "text").add(block.get("text"))
        elif kind in ("thinking", "redacted_thinking"):
            opaque = {"signature": block.get("signature"), "encrypted": block.get("data")}
            self._pieces += self._part(key, "reasoning", opaque).add(block.get("thinking"))
        elif kind in TOOL_BLOCKS:
            whole = _json(block["input"]) if block.get("input") else ""
            head = {"id": block.get("id"), "name": block.get("name"), "input": whole}
            self._part(key, "tool_call", head).by_provider = TOOL_BLOCKS[kind]
        elif kind:
            self._part(key, "block", {"name": kind}).data = block

    def _block_delta(self, event: Mapping[str, object]) -> None:
        added = mapping(event.get("delta"))
        key, kind = ("block", number(event.get("index"))), _str(added.get("type"))
        if kind in BLOCK_TEXTS:
            part, name = BLOCK_TEXTS[kind]
            builder = self._part(key, part)
            self._pieces += builder.add(added.get(name))
            self._remember(event, builder)
        elif kind == "signature_delta":
            self._part(key, "reasoning", {"signature": added.get("signature")})
        elif kind == "citations_delta":
            self._part(key, "text").annotations.append(mapping(added.get("citation")))

    def _response(self, kind: str, event: Mapping[str, object]) -> None:
        stem, _, step = kind.rpartition(".")
        ids = event.get("item_id"), event.get("output_index")
        if stem in RESPONSE_TEXTS:
            part, whole, index_name = RESPONSE_TEXTS[stem]
            nth = number(event.get(index_name))
            builder = self._part(self._key(part, *ids, nth), part)
            section = (_SECTIONS[index_name], nth) if part == "reasoning" else ONLY
            text = event.get("delta" if step == "delta" else whole)
            self._pieces += (builder.add if step == "delta" else builder.replace)(text, section)
            if step == "delta":
                self._remember(event, builder, section)
        elif kind == "response.output_text.annotation.added":
            key = self._key("text", *ids, number(event.get("content_index")))
            self._part(key, "text").annotations.append(mapping(event.get("annotation")))
        elif stem == "response.output_item":
            self._item(mapping(event.get("item")), ids[1], new=step == "added")
        for place, item in enumerate(_maps(at(event, "response.output"))):
            if not self._repeats(item, place):
                self._item(item, place)

    def _item(self, item: Mapping[str, object], place: object, new: bool = False) -> None:
        kind, item_id = _str(item.get("type")), item.get("id")
        part = ITEM_PARTS.get(kind, "block")
        key = self._key(part, item_id, place, new=new)
        if part == "text":
            for nth, piece in enumerate(_maps(item.get("content"))):
                name = "refusal" if piece.get("type") == "refusal" else "text"
                builder = self._part(self._key(name, item_id, place, nth), name)
                self._pieces += builder.replace(piece.get(name))
                builder.annotations = _maps(piece.get("annotations")) or builder.annotations
        elif part == "reasoning":
            builder = self._part(
                key, part, {"id": item_id, "encrypted": item.get("encrypted_content")}
            )
            for field, section in (("summary", SUMMARY), ("content", "")):
                for nth, piece in enumerate(_maps(item.get(field))):
                    self._pieces += builder.replace(piece.get("text"), (section, nth))
        elif part == "tool_call":
            head = {"id": item.get("call_id"), "name": item.get("name"), "item_id": item_id}
            builder = self._part(key, part, head)
            builder.custom = kind == "custom_tool_call"
            self._pieces += builder.replace(item.get("input" if builder.custom else "arguments"))
        elif kind:
            self._part(key, part, {"name": kind}).data = item

    def _key(
        self, part: str, item_id: object, place: object, nth: int = 0, new: bool = False
    ) -> _Key:
        """The key of a part of an item, which is found by its id, or else by its place."""
        names = _names(part, item_id, place)
        known = [self._slots[n] for n in names if n in self._slots and (n[0] == "id" or not new)]
        slot = known[0] if known else max(self._slots.values(), default=0) + 1
        self._slots.update(dict.fromkeys(names, slot))
        return ("item", slot, part, nth if part in ("text", "refusal") else 0)

    def _repeats(self, item: Mapping[str, object], place: int) -> bool:
        """Whether an item of the finished response was streamed under another id and place."""
        part = ITEM_PARTS.get(_str(item.get("type")), "block")
        if any(name in self._slots for name in _names(part, item.get("id"), place)):
            return False
        pieces = [*_maps(item.get("content")), *_maps(item.get("summary")), item]
        fields = ("text", "refusal", "arguments", "input")
        whole = {text for piece in pieces for name in fields if (text := _str(piece.get(name)))}
        shown = {"".join(t) for one in self._builders.values() for t in one.sections.values()}
        return bool(whole) and whole <= shown

    def _choice(self, index: int, choice: Mapping[str, object]) -> None:
        self._count(choice)
        added = delta(choice)
        plain = _str(added.get("reasoning_content")) or _str(added.get("reasoning"))
        self._say("reasoning", index, plain)
        for detail in _maps(added.get("reasoning_details")):
            opaque = {"signature": detail.get("signature"), "encrypted": detail.get("data")}
            builder = self._part(("reasoning", index), "reasoning", opaque, index)
            self._pieces += (
                [] if plain else builder.add(detail.get("text") or detail.get("summary"))
            )
        self._say("text", index, added.get("content"))
        for piece in _maps(added.get("content")):
            for thought in _maps(piece.get("thinking")):
                self._say("reasoning", index, thought.get("text"))
            self._say("text", index, piece.get("text"))
        self._say("refusal", index, added.get("refusal"))
        for citation in _maps(added.get("annotations")):
            self._part(("text", index), "text", _NONE, index).annotations.append(citation)
        for image in _maps(added.get("images")):
            key = ("image", len(self._builders))
            self._part(key, "block", {"name": "image"}, index).data = image
        for call in _maps(added.get("tool_calls")):
            self._call(index, call, mapping(call.get("function")))
        if legacy := mapping(added.get("function_call")):
            self._call(index, {}, legacy)

    def _say(self, part: str, choice: int, text: object) -> None:
        if isinstance(text, str) and text:
            self._pieces += self._part((part, choice), part, _NONE, choice).add(text)

    def _call(
        self, choice: int, call: Mapping[str, object], function: Mapping[str, object]
    ) -> None:
        """A call goes on at its index until another id comes there: some servers number all 0."""
        place, call_id = ("call", choice, number(call.get("index"))), _str(call.get("id"))
        known = self._builders.get((*place, self._slots.get(place, 0)))
        if known and call_id and known.known.get("id", call_id) != call_id:
            self._slots[place] = len(self._builders)
        key = (*place, self._slots.get(place, 0))
        head = {"id": call_id, "name": function.get("name")}
        builder = self._part(key, "tool_call", head, choice)
        arguments = function.get("arguments")
        self._pieces += builder.add(_json(arguments) if mapping(arguments) else arguments)


def _names(part: str, item_id: object, place: object) -> list[_Key]:
    by_id: list[_Key] = [("id", item_id)] if isinstance(item_id, str) and item_id else []
    return [*by_id, ("place", "text" if part == "refusal" else part, number(place))]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, skipkeys=True)


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _maps(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
