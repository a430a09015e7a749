"""One turn of a conversation.

Here: what an answer is made of, finished (the parts, `Usage`) and growing (`Piece`, `GrowingPart`,
`Tally`). Nothing in here reads an event; `accumulate` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of the answer. refusal: it says no. annotations: citations, as sent."""

    text: str
    refusal: bool = False
    annotations: tuple[Mapping[str, object], ...] = ()
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """Reasoning. text: all that may be shown; summary: the sections of it that are a summary.

    id: the item's, for replay by reference. signature, encrypted: opaque, for replay by value.
    """

    text: str = ""
    summary: tuple[str, ...] = ()
    id: str | None = None
    signature: str | None = None
    encrypted: str | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call of a tool. arguments: the text as sent, JSON unless the tool is a custom one.

    id: what the tool's output refers to. item_id: the Responses item. index: its place among the
    calls of the answer, from 0. by_provider: the provider runs the tool itself.
    """

    id: str
    name: str
    arguments: str = ""
    index: int = 0
    item_id: str | None = None
    custom: bool = False
    by_provider: bool = False
    choice: int = 0


@dataclass(frozen=True, slots=True)
class BlockPart:
    """Anything else that the provider made (a search, its result, an image), whole, as sent."""

    kind: str
    data: Mapping[str, object]
    choice: int = 0


Part = TextPart | ReasoningPart | ToolCallPart | BlockPart


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt used, in tokens, as far as the provider told.

    input_tokens includes cached_tokens (read) and cache_write_tokens; output_tokens includes
    reasoning_tokens, for every provider.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """The tokens of both."""
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)))


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds to a part: the texts of all its pieces are the part's text.

    index: the part's place in the attempt, from 0. part: ``text``, ``refusal``, ``reasoning``,
    ``tool_call`` or ``block``. id, name: of a tool call; name: the kind of a block.
    """

    index: int
    part: str
    text: str = ""
    id: str | None = None
    name: str | None = None
    choice: int = 0


Section = tuple[str, int]
"""A stretch of a part's text that the provider names and numbers: a part may have several."""

ONLY: Final[Section] = ("", 0)
SUMMARY: Final = "summary"


@dataclass(slots=True, eq=False)
class GrowingPart:
    """A part in the making.

    index, part, choice: as in `Piece`. sections: its texts, in order. known: its names and ids.
    """

    index: int
    part: str
    choice: int = 0
    sections: dict[Section, list[str]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    annotations: list[Mapping[str, object]] = field(default_factory=list)
    data: Mapping[str, object] = field(default_factory=dict)
    custom: bool = False
    by_provider: bool = False

    def add(self, text: object, section: Section = ONLY) -> list[Piece]:
        """Append `text`; the piece to show, if it is a text at all. A blank line parts sections."""
        if not isinstance(text, str) or not text:
            return []
        lead = "\n\n" if self.sections and section not in self.sections else ""
        self.sections.setdefault(section, []).append(text)
        return [self.piece(lead + text)]

    def settle(self, whole: object, section: Section = ONLY) -> list[Piece]:
        """Take `whole` for the section's full text; the piece to show, if some of it was missing.

        Where it contradicts what was shown, it replaces that silently: the message will tell.
        """
        had = "".join(self.sections.get(section, ()))
        if not isinstance(whole, str) or not whole:
            return []
        if whole.startswith(had):
            return self.add(whole[len(had) :], section)
        self.sections[section] = [whole]
        return []

    def piece(self, text: str) -> Piece:
        """What `text` adds to this part."""
        called = self.part in ("tool_call", "block")
        head = (self.known.get("id"), self.known.get("name")) if called else (None, None)
        return Piece(self.index, self.part, text, *head, self.choice)

    def freeze(self, calls: int) -> Part:
        """The part as it stands; calls: how many tool calls come before it."""
        text, known = "\n\n".join(map("".join, self.sections.values())), self.known
        if self.part == "block":
            return BlockPart(known.get("name", ""), self.data, self.choice)
        if self.part == "reasoning":
            summary = tuple("".join(t) for (name, _), t in self.sections.items() if name == SUMMARY)
            opaque = known.get("id"), known.get("signature"), known.get("encrypted")
            return ReasoningPart(text, summary, *opaque, self.choice)
        if self.part == "tool_call":
            return ToolCallPart(
                id=known.get("id", ""),
                name=known.get("name", ""),
                arguments=text or known.get("input", ""),
                index=calls,
                item_id=known.get("item_id"),
                custom=self.custom,
                by_provider=self.by_provider,
                choice=self.choice,
            )
        return TextPart(text, self.part == "refusal", tuple(self.annotations), self.choice)


COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "cached_tokens": (
        *("cache_read_input_tokens", "input_tokens_details.cached_tokens"),
        *("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
    ),
    "cache_write_tokens": (
        *("cache_creation_input_tokens", "input_tokens_details.cache_write_tokens"),
        "prompt_tokens_details.cache_write_tokens",
    ),
    "reasoning_tokens": (
        *("output_tokens_details.reasoning_tokens", "output_tokens_details.thinking_tokens"),
        "completion_tokens_details.reasoning_tokens",
    ),
}
"""Where providers tell each count of `Usage`: paths within their usage object."""

BESIDE_INPUT: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Counts that stand beside the input_tokens, not within (Anthropic)."""


@dataclass(slots=True, eq=False)
class Tally:
    """Counts, in tokens, by path. Providers tell running totals, so the highest one holds."""

    counts: dict[str, int] = field(default_factory=dict)

    def note(self, path: str, count: object) -> None:
        """Take in a value found at `path`; what is no count is passed over."""
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            self.counts[path] = max(self.counts.get(path, 0), count)

    @property
    def usage(self) -> Usage | None:
        """The usage told so far; None if nothing was."""
        if not self.counts:
            return None
        highest = {k: max(self.counts.get(p, 0) for p in paths) for k, paths in COUNTS.items()}
        highest["input_tokens"] += sum(self.counts.get(path, 0) for path in BESIDE_INPUT)
        return Usage(**highest)
