"""The chats that a store has read last: only the messages that are new are read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from chatlab.chat.messages.history import History

MOST_CHATS: Final = 16
MOST_CHARS: Final = 4_000_000
"""The limits of what is kept; a longer history is read anew each time."""

Row = tuple[str, str | None]
"""The columns of a message: its JSON without the response id, and the response id."""


@dataclass(slots=True, eq=False)
class RecentHistories:
    """Reads the rows of chats, and keeps the last few histories with their rows."""

    kept: dict[str, tuple[Sequence[Row], History]] = field(default_factory=dict)

    def read(self, chat: str, rows: Sequence[Row]) -> History:
        """Return the history that `rows` hold, whatever was kept of the chat."""
        before, known = self.kept.pop(chat, ((), History.read(())))
        if before == rows and before:
            history = known
        else:
            pairs = zip(before, rows, strict=False)
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            history = History.read(map(_message, rows[same:]), behind=known.first(same))
        if sum(len(body) for body, _ in rows) <= MOST_CHARS // MOST_CHATS:
            self.kept[chat] = rows, history
            if len(self.kept) > MOST_CHATS:
                del self.kept[next(iter(self.kept))]
        return history


def _message(row: Row) -> object:
    """The message of a row as an object; the text of one that cannot be parsed."""
    body, response_id = row
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(message, dict) and response_id is not None:
        message["response_id"] = response_id
    return message
