"""A stored conversation, read once: what can be read as messages, and why the rest cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, overload

from chatlab.chat.messages.content import KINDS, FilePart
from chatlab.chat.messages.message import CODEC, HOLDS, ROLES, Message, Role
from chatlab.chat.messages.parts import TextPart
from chatlab.chat.messages.readers import TAG, Reader

_MESSAGE: Final = CODEC.reader(Message)
_HEAD: Final = {name: kinds for name, kinds in _MESSAGE.scalars.items() if name != TAG}
_FLAT: Final[Mapping[Role, Mapping[object, Reader]]] = {
    role: {
        name: CODEC.reader(kind)
        for name, kind in KINDS.items()
        if kind in held and kind is not FilePart
    }
    for role, held in HOLDS.items()
}
"""The parts by role that are read without fail if they hold texts, numbers and booleans only."""


class History(Sequence["Message | str"]):
    """A stored conversation, read once.

    An item is a message, or the sentence that says why there is none in its place. Messages of
    plain texts and calls are only checked at first; each is built when it is asked for.

    Attributes
    ----------
    problems: tuple of str
        The sentence on each message that cannot be read.

    Examples
    --------
    >>> history = History.read([{"role": "user", "parts": "Hi"}, {"role": "usr"}])
    >>> [message.text for message in history.messages]
    ['Hi']
    >>> history.problems
    ("messages[1].role: 'usr' is not known; did you mean 'user'?",)
    """

    __slots__ = ("_behind", "_items", "_messages", "_roles", "problems")

    def __init__(
        self, items: list[Any], roles: list[Role | None], behind: History | None = None
    ) -> None:
        self._behind = behind
        self._messages: tuple[Message, ...] | None = None
        self._items = items
        self._roles = roles
        self.problems: tuple[str, ...] = ()
        if None in roles:
            self.problems = tuple(one for one in items if isinstance(one, str))

    @classmethod
    def read(cls, messages: Iterable[object], *, behind: History | None = None) -> History:
        """Read stored messages.

        Parameters
        ----------
        messages:
            Messages, or objects of decoded JSON with role, parts (``content`` will do; a text
            stands for one text part), response_id, model and stored. They must not be changed
            afterwards. A `History` is returned as it is.
        behind:
            A history that is put before them.
        """
        if isinstance(messages, History) and behind is None:
            return messages
        items: list[object] = list(behind._items) if behind else []
        roles: list[Role | None] = list(behind._roles) if behind else []
        for number, value in enumerate(messages, len(items)):
            role = _flat_role(value) if type(value) is dict else None
            if role is None:
                if not isinstance(value, Message):
                    value = _read(value, f"messages[{number}]")
                role = value.role if isinstance(value, Message) else None
            items.append(value)
            roles.append(role)
        return cls(items, roles)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Message | str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Message | str, ...]: ...

    def __getitem__(self, place: int | slice) -> Message | str | tuple[Message | str, ...]:
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        item = self._items[place]
        if type(item) is dict:
            role, behind = self._roles[place], self._behind
            assert role is not None
            if behind is not None and 0 <= place < len(behind):
                item = behind[place]
            else:
                item = _built(item, role)
            self._items[place] = item
        read: Message | str = item
        return read

    def __iter__(self) -> Iterator[Message | str]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<History of {len(self)} messages, {len(self.problems)} unreadable>"

    def message(self, place: int) -> Message:
        """Return the message at `place`, which is one that can be read."""
        item = self[place]
        assert isinstance(item, Message)
        return item

    @property
    def roles(self) -> Sequence[Role | None]:
        """Whose each message is; None for one that cannot be read."""
        return self._roles

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that can be read."""
        if self._messages is None:
            self._messages = tuple([one for one in self if isinstance(one, Message)])
        return self._messages

    @property
    def seen(self) -> int:
        """How many messages are stored, for `Store.commit`."""
        return len(self)

    def whole(self) -> tuple[Message, ...]:
        """Return all messages.

        Raises
        ------
        ValueError
            For the first message that cannot be read, and says why.
        """
        if self.problems:
            raise ValueError(self.problems[0])
        return self.messages

    def first(self, count: int) -> History:
        """Return the history of the first `count` messages."""
        return History(self._items[:count], self._roles[:count])

    def followed_by(self, messages: Iterable[Message]) -> History:
        """Return a history with `messages` behind what is here."""
        more = list(messages)
        items, roles = [*self._items, *more], [*self._roles, *(one.role for one in more)]
        return History(items, roles, self)


def _flat_role(value: dict[str, Any]) -> Role | None:
    """The role of an object that is a message beyond doubt; None for one that has to be read."""
    name = value.get("role")
    role = ROLES.get(name) if type(name) is str else None
    if role is None:
        return None
    readers = _FLAT[role]
    for key, one in value.items():
        if key == "parts":
            if type(one) is str:
                one = [{TAG: "text", "text": one}]
            elif type(one) is not list:
                return None
            for part in one:
                if type(part) is not dict or type(part.get(TAG)) is not str:
                    return None
                reader = readers.get(part[TAG])
                if reader is None or not reader.is_flat(part):
                    return None
        elif key != "role" and (key not in _HEAD or type(one) not in _HEAD[key]):
            return None
    return role


def _built(value: dict[str, Any], role: Role) -> Message:
    """The message of an object that `_flat_role` has checked."""
    readers, parts = _FLAT[role], value.get("parts", ())
    if isinstance(parts, str):
        parts = [{TAG: "text", "text": parts}]
    get = value.get
    built: list[Any] = [readers[part[TAG]].build(part) for part in parts]
    return Message.of_checked(
        role,
        tuple(built),
        get("response_id"),
        get("model"),
        get("stored", False),
    )


def _with_parts(value: Mapping[Any, Any]) -> dict[Any, Any]:
    if "parts" in value and not isinstance(value["parts"], str):
        return value if isinstance(value, dict) else dict(value)
    value = dict(value)
    if "content" in value and "parts" not in value:
        value["parts"] = value.pop("content")
    if isinstance(value.get("parts"), str):
        value["parts"] = [TextPart(value["parts"])]
    return value


def _read(value: object, where: str) -> Message | str:
    if isinstance(value, Mapping):
        value = _with_parts(value)
    try:
        message = CODEC.load(Message, value, where)
    except (ValueError, RecursionError) as error:
        return str(error)
    return message if isinstance(message, Message) else f"{where}: {message!r:.80} is no message"
