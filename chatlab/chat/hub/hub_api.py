"""One turn, many viewers, in this process and, through the store, in others.

    Turn --on_event--> Stream --ring--> Subscription, for each viewer
                          |
                          +--Relay--> the store's file --Relay--> Stream --> Subscription
                                                         (in another process)

A turn has a name that no other turn ever has, and its events have numbers from 1, the same ones
in every process: with both a viewer reconnects anywhere. What its buffer holds no more comes as a
snapshot of what is current. Why other processes are reached through the store: see `relay`.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from dataclasses import dataclass
from typing import Self

from chatlab.chat.hub.channel import Stream
from chatlab.chat.hub.relay import Relay
from chatlab.chat.hub.subscription import Subscription
from chatlab.chat.storage.store_file import Store
from chatlab.text.spelling import suggest


@dataclass(frozen=True, slots=True)
class HubLoad:
    """What the hub holds now; the fields are named after their metrics.

    Parameters
    ----------
    streams_active:
        Turns that run in this process.
    stream_buffer_size_max:
        Events in the fullest buffer.
    stream_buffer_events:
        Events in all buffers.
    stream_subscribers:
        Viewers.
    stream_buffer_dropped_total:
        Events that were lost, one for each event and each viewer (or relay) that did not get it,
        because it was too slow, since the hub was made.

    Examples
    --------
    >>> Hub().load.streams_active
    0
    """

    streams_active: int
    stream_buffer_size_max: int
    stream_buffer_events: int
    stream_subscribers: int
    stream_buffer_dropped_total: int


class Hub:
    """The turns that run here, and their viewers. Any thread may call anything; nothing waits.

    Parameters
    ----------
    store:
        Reach viewers in other processes that have a hub with the same store, and follow the turns
        that run there.
    buffer:
        How many events of a turn are kept for viewers that are behind.
    keep:
        How many ended turns are kept for viewers that come back; the store keeps its own.
    poll_s:
        How often the store is asked for news of turns elsewhere, in seconds.
    lost_after_s:
        How long a turn elsewhere may be silent, without a sign of life, in seconds.

    Raises
    ------
    ValueError
        For a limit that cannot be used, and for a store in memory.

    Examples
    --------
    >>> from chatlab.chat import Status, TurnStatus
    >>> with Hub() as hub:
    ...     with hub.open("chat-7/3") as stream:
    ...         number = stream.publish(Status(TurnStatus.STARTING))
    ...     [type(item).__name__ for item in hub.subscribe("chat-7/3")]
    ['Snapshot']
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        buffer: int = 4096,
        keep: int = 64,
        poll_s: float = 0.05,
        lost_after_s: float = 10.0,
    ) -> None:
        limits = {"buffer": buffer, "keep": keep, "poll_s": poll_s, "lost_after_s": lost_after_s}
        for name, limit in limits.items():
            if not limit > 0:
                raise ValueError(f"Hub: {name} is {limit!r}; give more than 0")
        self._buffer = buffer
        self._keep = keep
        self._lock = threading.Lock()
        self._streams: dict[str, Stream] = {}
        self._forgotten_drops = 0
        self._closed = False
        self._relay = None if store is None else Relay(store.path, buffer, poll_s, lost_after_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    @property
    def load(self) -> HubLoad:
        """What the hub holds now."""
        with self._lock:
            own, dropped = [stream.load for stream in self._streams.values()], self._forgotten_drops
        mirrors, lost = ([], 0) if self._relay is None else self._relay.mirrors
        loads = own + [stream.load for stream in mirrors]
        return HubLoad(
            streams_active=sum(one.running for one in own),
            stream_buffer_size_max=max((one.buffered for one in loads), default=0),
            stream_buffer_events=sum(one.buffered for one in loads),
            stream_subscribers=sum(one.viewers for one in loads),
            stream_buffer_dropped_total=dropped + lost + sum(one.dropped for one in loads),
        )

    def open(self, turn: str | None = None) -> Stream:
        """Begin a turn. turn: its name, which no turn before it had; None: a random one.

        Raises ValueError if the hub knows the name, RuntimeError if the hub is closed.
        """
        name = uuid.uuid4().hex if turn is None else turn
        with self._lock:
            self._refuse_if_closed()
            if name in self._streams:
                raise ValueError(f"Hub.open: turn {name!r} was opened before; give it a new name")
            stream = None if self._relay is None else self._relay.adopt(name)
            self._streams[name] = stream = stream or Stream(name, self._buffer)
            ended = [one for one in self._streams.values() if one.ended]
            for one in ended[: -self._keep]:
                self._forgotten_drops += self._streams.pop(one.turn).load.dropped
            if self._relay is not None:
                self._relay.forward(stream)
        return stream

    def subscribe(self, turn: str, after: int | None = None) -> Subscription:
        """A new viewer of `turn`, wherever it runs if the hub has a store.

        after: the number of the last event that the viewer has had, in whichever process. Raises
        RuntimeError if the hub is closed, LookupError if there is no such turn; with a store it
        is waited for, and the iteration raises `TurnLost` if it does not begin.
        """
        with self._lock:
            self._refuse_if_closed()
            stream = self._streams.get(turn)
            if stream is None and self._relay is not None:
                return Subscription(after, *self._relay.join(turn, after))
            if stream is None:
                hint = suggest(turn, self._streams, "open it before viewers come")
                raise LookupError(f"Hub.subscribe: there is no turn {turn!r}; {hint}")
            return Subscription(after, stream, stream.join(after))

    def close(self) -> None:
        """End every turn; return when all is passed on and nothing runs any more. Again: nothing.

        Viewers here get what they have not read, then their end.
        """
        with self._lock:
            self._closed = True
            streams = [*self._streams.values()]
        for stream in streams:
            stream.close()
        if self._relay is not None:
            self._relay.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise RuntimeError("this hub is closed; make a new one")
