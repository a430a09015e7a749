"""What is current in a turn: the fold of its events, which the hub keeps and every viewer can."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import NamedTuple

from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import Piece
from chatlab.errors.payloads import ChatError, ChatStreamRetry


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is current after an event; it stands instead of all that came before.

    Parameters
    ----------
    sequence:
        The number of the event.
    events:
        What an empty `View` has to take to show it; the texts of a part are one piece.
    dropped:
        How many events the viewer has lost, because it was too slow, since its last item.

    Examples
    --------
    >>> Snapshot(3, (Status(TurnStatus.STREAMING),)).sequence
    3
    """

    sequence: int
    events: tuple[TurnEvent, ...] = ()
    dropped: int = 0


class LiveEvent(NamedTuple):
    """One event of a turn.

    Parameters
    ----------
    sequence:
        Its number, from 1.
    event:
        The event.

    Examples
    --------
    >>> LiveEvent(1, Status(TurnStatus.STARTING)).sequence
    1
    """

    sequence: int
    event: TurnEvent


Item = Snapshot | LiveEvent


class View:
    """What a viewer shows. Views with the same `events` show the same.

    Attributes
    ----------
    sequence: int
        Of the last item; with it a viewer that was cut off reconnects.
    status: Status or None
        The last one.
    retry: ChatStreamRetry or None
        The countdown that is running.
    error: ChatError or None
        Why the turn has failed for good.

    Examples
    --------
    >>> view = View()
    >>> view.take(LiveEvent(1, Status(TurnStatus.STARTING)))
    >>> view.sequence, view.status.status
    (1, <TurnStatus.STARTING: 'starting'>)
    """

    __slots__ = ("_answers", "_attempt", "_pieces", "error", "retry", "sequence", "status")

    sequence: int
    status: Status | None
    retry: ChatStreamRetry | None
    error: ChatError | None
    _answers: list[Answer]
    _attempt: int
    _pieces: dict[tuple[int, str], _Grown]

    def __init__(self) -> None:
        self._clear()

    def take(self, item: Item) -> None:
        """Show what a subscription gave."""
        if isinstance(item, Snapshot):
            self._clear()
            for event in item.events:
                self.show(event)
        else:
            self.show(item.event)
        self.sequence = item.sequence

    def show(self, event: TurnEvent) -> None:
        """Show one more event. Raises TypeError for what is none."""
        if isinstance(event, MessagePart):
            self._grow(event)
        elif isinstance(event, Status):
            self.status = event
            if event.status is TurnStatus.STARTING:
                self.retry = None
        elif isinstance(event, ChatStreamRetry):
            self.retry = event
            self._pieces.clear()
        elif isinstance(event, Answer):
            self._answers.append(event)
            self._pieces.clear()
            self.retry = None
        elif isinstance(event, ChatError):
            self.error = event
        else:
            raise TypeError(
                f"view: {event!r:.80} is no event of a turn; see chatlab.chat.messages.events"
            )

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The committed answers: of a turn with tools, one for each step."""
        return tuple(self._answers)

    @property
    def pieces(self) -> tuple[MessagePart, ...]:
        """What the running attempt has shown, one piece for each part; provisional."""
        return tuple(MessagePart(self._attempt, grown.whole) for grown in self._pieces.values())

    @property
    def text(self) -> str:
        """The text to read: the committed and behind it the provisional, of the first choice."""
        pieces = [shown.piece for shown in self.pieces]
        provisional = [one.text for one in pieces if one.part == "text" and not one.choice]
        return "".join([answer.text for answer in self._answers] + provisional)

    @property
    def events(self) -> tuple[TurnEvent, ...]:
        """The events that bring an empty view here."""
        single = (self.status, self.retry, *self.pieces, self.error)
        return (*self._answers, *(event for event in single if event is not None))

    def _clear(self) -> None:
        self.sequence = self._attempt = 0
        self.status = self.retry = self.error = None
        self._answers = []
        self._pieces = {}

    def _grow(self, shown: MessagePart) -> None:
        if shown.attempt != self._attempt:
            self._attempt = shown.attempt
            self._pieces.clear()
        piece = shown.piece
        grown = self._pieces.get((piece.index, piece.part))
        if grown is None:
            grown = self._pieces[piece.index, piece.part] = _Grown(piece)
        grown.add(piece)


class _Grown:
    """The pieces of one part, as one."""

    __slots__ = ("_first", "_id", "_name", "_text")

    def __init__(self, first: Piece) -> None:
        self._first = first
        self._id: str | None = None
        self._name: str | None = None
        self._text = StringIO()

    def add(self, piece: Piece) -> None:
        self._id = self._id or piece.id
        self._name = self._name or piece.name
        self._text.write(piece.text)

    @property
    def whole(self) -> Piece:
        first = self._first
        text = self._text.getvalue()
        return Piece(first.index, first.part, text, self._id, self._name, first.choice)
