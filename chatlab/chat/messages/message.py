"""Messages of a conversation as they are stored, and their JSON.

What each role may hold; whatever the provider ran itself (a web search) is a ``block``, whole:

    system      text, context
    user        text, reasoning, file, file_reference, context, marker
    assistant   text, reasoning, tool_call, tool_result, block, marker
    tool        tool_result, marker
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, cast

from chatlab.chat.messages.codec import Codec, one_of
from chatlab.chat.messages.events import PARTS, Answer
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.messages.surrogates import whole_part
from chatlab.chat.stream.contracts import Outcome

_set = object.__setattr__
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+")


class Role(StrEnum):
    """Whose message it is."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file or picture: exactly one of data (base64), url, and file_id (the provider holds it).

    media_type: for example ``image/png``. Raises ValueError for anything else.
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
    """A place in a file that the person points at, told as text. Lines count from 1."""

    path: str
    start_line: int | None = None
    end_line: int | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class ContextPart:
    """Text that the application adds, such as a project's instructions. name: where it is from."""

    name: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class MarkerPart:
    """What only people see, such as the chip of a skill; no model is ever sent it."""

    kind: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What the tool call `call_id` gave: a text, images, or both. by_provider: it ran the tool."""

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

HOLDS: Final[Mapping[Role, tuple[type[Content], ...]]] = {
    Role.SYSTEM: (TextPart, ContextPart),
    Role.USER: (TextPart, ReasoningPart, FilePart, FileReferencePart, ContextPart, MarkerPart),
    Role.ASSISTANT: (
        *(TextPart, ReasoningPart, ToolCallPart, ToolResultPart),
        *(BlockPart, MarkerPart),
    ),
    Role.TOOL: (ToolResultPart, MarkerPart),
}

CODEC: Final = Codec(KINDS)

ROLES: Final[Mapping[str, Role]] = {str(role): role for role in Role}


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """One message. parts: in order; a string stands for a text. Raises ValueError for a wrong role
    and for a part that the role cannot hold.

    response_id: of the response that made it. model: the name of the model configuration that
    made it. stored: the provider keeps that response, because the turn completed with
    ``store=true``.
    """

    role: Role
    parts: tuple[Content, ...] = ()
    response_id: str | None = None
    model: str | None = None
    stored: bool = False

    def __init__(
        self,
        role: str,
        parts: str | Content | Iterable[str | Content] = (),
        *,
        response_id: str | None = None,
        model: str | None = None,
        stored: bool = False,
    ) -> None:
        known = ROLES.get(role) if isinstance(role, str) else None
        known = known or Role(one_of(ROLES, role, "role"))
        several = (parts,) if isinstance(parts, str | Content) else parts
        held, content = HOLDS[known], []
        for number, one in enumerate(several):
            part = TextPart(one) if isinstance(one, str) else one
            if not isinstance(part, held):
                names = [name for name, kind in KINDS.items() if kind in held]
                raise ValueError(
                    f"parts[{number}]: a {known} message cannot hold {type(part).__name__}; "
                    f"it holds {', '.join(names)}"
                )
            content.append(whole_part(part))
        _set(self, "role", known)
        _set(self, "parts", tuple(content))
        _set(self, "response_id", response_id)
        _set(self, "model", model)
        _set(self, "stored", stored)

    @classmethod
    def of_checked(
        cls,
        role: Role,
        parts: tuple[Content, ...],
        response_id: str | None = None,
        model: str | None = None,
        stored: bool = False,
    ) -> Message:
        """Return the message of parts that the role can hold, and whose texts are whole."""
        message = object.__new__(cls)
        _set(message, "role", role)
        _set(message, "parts", parts)
        _set(message, "response_id", response_id)
        _set(message, "model", model)
        _set(message, "stored", stored)
        return message

    @classmethod
    def answered(cls, answer: Answer, *, model: str, store: bool) -> Message:
        """The assistant message of a committed `answer` to a request with that `store`.

        The response id is kept only of a complete answer that the provider stores.
        """
        stored = store and answer.outcome is Outcome.COMPLETE and bool(answer.response_id)
        kept = answer.response_id if stored else None
        parts = [part for part in answer.parts if not part.choice]
        return cls(Role.ASSISTANT, parts, response_id=kept, model=model, stored=stored)

    @property
    def text(self) -> str:
        """All its text, as it stands."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def local_calls(self) -> tuple[ToolCallPart, ...]:
        """The tool calls that the application has to run."""
        return tuple(p for p in self.parts if isinstance(p, ToolCallPart) and not p.by_provider)

    @property
    def open_calls(self) -> tuple[ToolCallPart | BlockPart, ...]:
        """The calls that wait for the application: local ones, and blocks such as a shell call.

        A block that the provider answers itself stands beside its output.
        """
        blocks = [part for part in self.parts if isinstance(part, BlockPart)]
        given = {one.data.get("call_id") for one in blocks if one.kind.endswith("_output")}
        waiting = [one for one in blocks if one.kind.endswith("_call")]
        unanswered = [one for one in waiting if one.data.get("call_id") not in {None, *given}]
        return (*self.local_calls, *unanswered)

    @property
    def local_results(self) -> tuple[ToolResultPart, ...]:
        """The results of tools that the application ran."""
        return tuple(p for p in self.parts if isinstance(p, ToolResultPart) and not p.by_provider)


def encode(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return `messages` as JSON values; `History.read` gives them back."""
    return [cast(dict[str, Any], CODEC.dump(message)) for message in messages]
