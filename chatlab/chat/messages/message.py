"""Messages of a conversation as they are stored, and their JSON.

What each role may hold; whatever the provider ran itself (a web search) is a ``block``, whole:

    system      text, context
    user        text, reasoning, file, file_reference, context, marker
    assistant   text, reasoning, tool_call, tool_result, block, marker
    tool        tool_result, marker
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from chatlab.chat.messages.codec import Codec, one_of
from chatlab.chat.messages.content import (
    KINDS,
    Content,
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    ToolResultPart,
)
from chatlab.chat.messages.events import Answer
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.messages.surrogates import whole_part
from chatlab.chat.stream.contracts import Outcome

_set = object.__setattr__


class Role(StrEnum):
    """Whose message it is.

    Examples
    --------
    >>> Role("tool")
    <Role.TOOL: 'tool'>
    """

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


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
    """One message of a conversation.

    Half a character (an unpaired surrogate) in a text of its parts becomes U+FFFD.

    Parameters
    ----------
    role:
        Whose it is.
    parts:
        In order; a string stands for a text.
    response_id:
        Of the response that made it.
    model:
        The name of the model configuration that made it.
    stored:
        Whether the provider keeps that response, because the turn completed with ``store=true``.

    Raises
    ------
    ValueError
        For a wrong role, and for a part that the role cannot hold.

    Examples
    --------
    >>> Message("user", ["And in Paris?", ContextPart("date", "1 May")]).text
    'And in Paris?'
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
