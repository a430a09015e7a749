"""A good answer independent of the wire protocol, and the ids that it carries."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chatlab.lab.protocols.notation import ScriptError, check

FINISHES = ("stop", "length", "refusal")

_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z: no clock is read, so a script is the same every day


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function call that the model asks for.

    Parameters
    ----------
    name : str
        The function.
    arguments : dict
        Its arguments, as JSON values.
    id : str or None
        The call's id; None makes one from the script's seed.
    """

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    id: str | None = None

    def pieces(self) -> list[str]:
        """Return the arguments as JSON, in the pieces in which they are streamed."""
        text = json.dumps(self.arguments, ensure_ascii=False)
        return [text[i : i + 12] for i in range(0, len(text), 12)]


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """The token counts that an answer reports.

    Parameters
    ----------
    input_tokens, output_tokens : int
        0 or more.

    Raises
    ------
    ScriptError
        For a negative count.
    """

    input_tokens: int = 12
    output_tokens: int = 8

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a negative count."""
        check(self)


@dataclass(frozen=True, slots=True)
class GoodAnswer:
    """A complete, good answer, in no protocol's words yet; scripts write it as ``success``.

    >>> GoodAnswer("Rain in Ulm.").pieces()
    ['Rain', ' in', ' Ulm.']

    Parameters
    ----------
    text : str or None
        The answer, streamed word by word. None gives a short default text, or none beside tool
        calls.
    chunks : tuple of str
        The pieces in which the text is streamed.
    reasoning : str
        Comes before the text.
    tool_calls : tuple of ToolCall
        Come after the text.
    usage : TokenUsage
        The reported token counts.
    finish : str
        ``stop``, ``length`` (cut by the token limit) or ``refusal``.
    headers_after_s, content_after_s, chunk_every_s : float
        Delays in seconds: before the headers, before the first content, and before each further
        piece of content.
    web_search : str
        The query of a search that the provider ran before it answered, after a reasoning item of
        its own; for OpenAI's Responses only.

    Raises
    ------
    ScriptError
        For a value out of range, or chunks that do not add up to the text.
    """

    text: str | None = None
    chunks: tuple[str, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: TokenUsage = field(default_factory=TokenUsage)
    finish: str = field(default="stop", metadata={"choices": FINISHES})
    headers_after_s: float = 0.0
    content_after_s: float = 0.0
    chunk_every_s: float = 0.0
    web_search: str = ""

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a value out of range or chunks that are not the text."""
        check(self)
        if self.text is not None and self.chunks and "".join(self.chunks) != self.text:
            raise ScriptError("success: chunks do not add up to text; give one of the two")

    @property
    def said(self) -> str:
        """The whole text."""
        if self.text is None and not self.chunks:
            return "" if self.tool_calls else "The answer is 42."
        return "".join(self.chunks) if self.text is None else self.text

    def pieces(self) -> list[str]:
        """Return the text in the pieces in which it is streamed."""
        return list(self.chunks) or words(self.said)


def words(text: str) -> list[str]:
    """Return ``text`` cut before each space that follows a word; joined, it is ``text`` again."""
    return re.findall(r"\s*\S+|\s+$", text)


class Ids:
    """Ids and a creation time that depend on the seed and the attempt, and on nothing else."""

    def __init__(self, seed: int, attempt: int) -> None:
        """Begin the ids of one attempt."""
        self._seed, self._attempt = seed, attempt
        self._made = 0
        self.created = _EPOCH + int(self._digest("created")[:6], 16) + attempt

    def make(self, prefix: str) -> str:
        """Return the next id, for example ``make("msg_")``."""
        self._made += 1
        return prefix + self._digest(f"{prefix}{self._made}")[:24]

    def from_the_start(self) -> Ids:
        """Return the same ids once more, for a second event about the same answer."""
        return Ids(self._seed, self._attempt)

    def _digest(self, label: str) -> str:
        key = f"{self._seed}/{self._attempt}/{label}"
        return hashlib.sha256(key.encode()).hexdigest()
