"""What a relay knows of each turn that it carries, on the way out and on the way in."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from chatlab.chat.hub.channel import Cursor, Stream
from chatlab.chat.hub.event_log import News
from chatlab.chat.hub.view import Item, LiveEvent, Snapshot, View


@dataclass(slots=True, eq=False)
class Outgoing:
    """A turn that runs here. number: its own in the journal. The journal has `base` and `tail`."""

    stream: Stream
    cursor: Cursor
    number: int | None = None
    base: View = field(default_factory=View)
    tail: deque[LiveEvent] = field(default_factory=deque)

    def written(self, items: tuple[Item, ...], most: int) -> Snapshot | None:
        """Take note of `items`; the snapshot to replace the oldest, if there are over `most`."""
        for item in items:
            if isinstance(item, Snapshot):
                self.base.take(item)
                self.tail.clear()
            else:
                self.tail.append(item)
        if len(self.tail) <= most:
            return None
        while len(self.tail) > most // 2:
            self.base.take(self.tail.popleft())
        return Snapshot(self.base.sequence, self.base.events)


@dataclass(slots=True, eq=False)
class Mirror:
    """A turn that runs elsewhere. after: number of its last event here. ask: for more.

    heard_at, joined_at: when its process gave a sign of life, and when the last viewer came.
    """

    stream: Stream
    heard_at: float
    joined_at: float = 0.0
    beat: float = 0.0
    after: int = 0
    ask: bool = True

    def take(self, news: News) -> None:
        """Take in what was read; viewers come in when all has been that there is."""
        for item in news.items:
            if isinstance(item, Snapshot):
                self.stream.reset(item)
            else:
                self.stream.publish(item.event)
            self.after = item.sequence
        if news.beat != self.beat:
            self.beat, self.heard_at = news.beat, time.monotonic()
        if not (news.more or self.stream.begun):
            self.stream.begin(mirror=True)
