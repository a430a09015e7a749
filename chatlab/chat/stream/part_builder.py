"""Builds a part of an answer from the texts of its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chatlab.chat.messages.parts import (
    BlockPart,
    Part,
    Piece,
    ReasoningPart,
    TextPart,
    ToolCallPart,
)

Section = tuple[str, int]
"""A section of a part's text, as the provider names and numbers it; a part may have several."""

ONLY: Final[Section] = ("", 0)
SUMMARY: Final = "summary"


@dataclass(slots=True, eq=False)
class PartBuilder:
    """Builds one part.

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
        """Append `text`; return the piece to show, if any. A blank line separates sections."""
        if not isinstance(text, str) or not text:
            return []
        lead = "\n\n" if self.sections and section not in self.sections else ""
        self.sections.setdefault(section, []).append(text)
        return [self.piece(lead + text)]

    def replace(self, whole: object, section: Section = ONLY) -> list[Piece]:
        """Replace the section's text by `whole`; return the piece to show, if some was missing.

        Where it contradicts what was shown there is no piece: the message will have it.
        """
        had = "".join(self.sections.get(section, ()))
        if not isinstance(whole, str) or not whole:
            return []
        if whole.startswith(had):
            return self.add(whole[len(had) :], section)
        self.sections[section] = [whole]
        return []

    def piece(self, text: str) -> Piece:
        """Make the piece that adds `text` to this part."""
        called = self.part in ("tool_call", "block")
        head = (self.known.get("id"), self.known.get("name")) if called else (None, None)
        return Piece(self.index, self.part, text, *head, self.choice)

    def build(self, calls: int) -> Part:
        """Make the part; calls: how many tool calls come before it."""
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
