"""The parts of messages that no answer has: files, references, context, markers, tool results."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chatlab.chat.messages.events import PARTS
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file or picture.

    Parameters
    ----------
    media_type:
        For example ``image/png``.
    data, url, file_id:
        Exactly one of them: its bytes in base64, its address, or its id if the provider holds it.
    name:
        The file's.

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> FilePart("image/png", url="https://example.org/moon.png").is_image
    True
    """

    media_type: str
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ValueError(
                f"media_type: {self.media_type!r:.80} is none; say such as 'image/png'"
            )
        if sum(map(bool, (self.data, self.url, self.file_id))) != 1:
            raise ValueError("a file has exactly one of data, url, file_id; give one of them")
        try:
            base64.b64decode(self.data or "", validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"data: {self.data!r:.40} is no base64; encode the bytes") from None

    @property
    def is_image(self) -> bool:
        """Whether the media type is a picture's."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class FileReferencePart:
    """A place in a file that the person points at, told as text.

    Parameters
    ----------
    path:
        The file's.
    start_line, end_line:
        The lines that are meant, from 1, both included.
    content:
        What they hold.

    Examples
    --------
    >>> FileReferencePart("app.py", 3, 4, "import os").start_line
    3
    """

    path: str
    start_line: int | None = None
    end_line: int | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class ContextPart:
    """Text that the application adds, such as a project's instructions.

    Parameters
    ----------
    name:
        Where it is from.
    content:
        The text.

    Examples
    --------
    >>> ContextPart("AGENTS.md", "Be brief.").content
    'Be brief.'
    """

    name: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class MarkerPart:
    """What only people see, such as the chip of a skill; no model is ever sent it.

    Parameters
    ----------
    kind:
        What it is.
    data:
        What the application needs to show it.

    Examples
    --------
    >>> MarkerPart("skill", {"name": "review"}).kind
    'skill'
    """

    kind: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What a tool gave: a text, images, or both.

    Parameters
    ----------
    call_id:
        Of the call that it answers.
    text, images:
        What it gave.
    is_error:
        Whether the tool failed.
    by_provider:
        Whether the provider ran the tool.

    Raises
    ------
    ValueError
        For an image whose media type is not a picture's.

    Examples
    --------
    >>> ToolResultPart("call_1", "rain").is_error
    False
    """

    call_id: str
    text: str = ""
    images: tuple[FilePart, ...] = ()
    is_error: bool = False
    by_provider: bool = False

    def __post_init__(self) -> None:
        for number, image in enumerate(self.images):
            if not image.is_image:
                raise ValueError(f"images[{number}]: {image.media_type} is no picture's media type")


Content = (
    TextPart
    | ReasoningPart
    | ToolCallPart
    | ToolResultPart
    | BlockPart
    | FilePart
    | FileReferencePart
    | ContextPart
    | MarkerPart
)

KINDS: Final[Mapping[str, type[Content]]] = {
    **PARTS,
    "tool_result": ToolResultPart,
    "file": FilePart,
    "file_reference": FileReferencePart,
    "context": ContextPart,
    "marker": MarkerPart,
}
"""The parts by the ``type`` that their JSON has; an answer's parts among them."""
