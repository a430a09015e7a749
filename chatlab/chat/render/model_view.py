"""What of a message a model gets to see, and how it is told where an API has no form for it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from chatlab.chat.messages.content import (
    Content,
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    ToolResultPart,
)
from chatlab.chat.messages.message import Message
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart
from chatlab.chat.messages.surrogates import whole_part

PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
"""The picture types that every provider takes."""

PDF: Final = "application/pdf"

_TEXTUAL: Final = ("application/json", "application/xml", "application/yaml")
_DATA_URL: Final = re.compile(r"\s*data:(image/[\w.+-]+);base64,([A-Za-z0-9+/=\s]+)")


def visible(part: Content) -> bool:
    """Whether a part of a user's or system's message holds anything that a model can see."""
    if isinstance(part, TextPart | ReasoningPart):
        return bool(part.text.strip())
    if isinstance(part, ContextPart):
        return bool(part.content)
    return isinstance(part, FilePart | FileReferencePart)


def words(part: Content) -> str:
    """A visible part as text; a file that is no text in a sentence that says so."""
    if isinstance(part, TextPart | ReasoningPart):
        return part.text
    if isinstance(part, ContextPart):
        return f"[context {part.name}]\n{part.content}"
    if isinstance(part, FileReferencePart):
        lines = [f"line {n}" for n in (part.start_line, part.end_line) if n is not None]
        return f"[{' '.join(('file', part.path, ' to '.join(lines))).strip()}]\n{part.content}"
    if isinstance(part, FilePart):
        name = " ".join(one for one in (part.name, part.url or part.file_id) if one)
        text = file_text(part)
        if text is not None:
            return f"[file {name}]\n{text}"
        return f"[file {name} of type {part.media_type}, which cannot be shown here]"
    return ""


def file_text(part: FilePart) -> str | None:
    """The content of an inline text file; None if it is another file."""
    textual = part.media_type.startswith("text/") or part.media_type in _TEXTUAL
    if part.data is None or not textual:
        return None
    try:
        return base64.b64decode(part.data).decode()
    except UnicodeDecodeError:
        return None


def recovered(result: ToolResultPart) -> ToolResultPart:
    """`result` with the images that were stored as its text turned back into images.

    Taken for images: a text that is one data URL, or the JSON of one or more objects with
    ``data`` and an image's media type, among them at most texts. Any other text stays text.
    """
    match = _DATA_URL.fullmatch(result.text)
    if match:
        blocks: list[Any] = [{"data": match[2], "mime_type": match[1]}]
    elif '"data"' in result.text:
        try:
            loaded = json.loads(result.text)
        except (ValueError, RecursionError):
            return result
        blocks = loaded if isinstance(loaded, list) else [loaded]
    else:
        return result
    read = [_block(one) for one in blocks]
    found = [one for one in read if one is not None]
    images = tuple(image for _, image in found if image)
    if not images or len(found) < len(read):
        return result
    text = "\n".join(text for text, _ in found if text)
    return whole_part(replace(result, text=text, images=result.images + images))


def _block(value: object) -> tuple[str, FilePart | None] | None:
    """The text and image of one stored block; None if it is anything else."""
    if not isinstance(value, Mapping):
        return None
    data, text = value.get("data"), value.get("text") or ""
    if not isinstance(text, str):
        return None
    if data is None:
        return (text, None) if "text" in value else None
    kinds = [value.get(name) for name in ("mime_type", "mimeType", "media_type")]
    media_type = next((one for one in kinds if isinstance(one, str)), "")
    if not isinstance(data, str) or not media_type.startswith("image/"):
        return None
    try:
        return text, FilePart(media_type, "".join(data.split()))
    except ValueError:
        return None


def omissions(index: int, message: Message, sent: Collection[int]) -> list[str]:
    """A sentence for each part of a model's message that is not sent again, and was no marker.

    index: of the message in its history. sent: the places of the parts that are sent.
    """
    left = [
        (number, part.kind if isinstance(part, BlockPart) else type(part).__name__)
        for number, part in enumerate(message.parts)
        if number not in sent and not isinstance(part, MarkerPart) and not _blank(part)
    ]
    return [f"messages[{index}]: parts[{number}], {name}, is left out" for number, name in left]


def _blank(part: Content) -> bool:
    return isinstance(part, TextPart) and not part.text.strip()
