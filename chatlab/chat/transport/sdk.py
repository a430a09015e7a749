"""One streamed request through an official SDK client, and what its events do not tell.

The SDKs keep three things back that decide how a stream ended: openai swallows ``[DONE]``, and
both end silently when the bytes do, also when the body is no event stream at all. `Wire` watches
the decoded bytes for these. No SDK is imported: a client is known by what it can do.
"""

from __future__ import annotations

import socket
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any, Final, Protocol, cast

from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, RESPONSES
from chatlab.errors import Failure
from chatlab.errors.reading.who_answered import normalised_provider, provider_in
from chatlab.retry import NestedRetriesWarning, sdk_retries

CREATE: Final = {
    ANTHROPIC: "messages.create",
    RESPONSES: "responses.create",
    CHAT: "chat.completions.create",
}
"""Where a client starts each protocol."""

HEAD_BYTES: Final = 65_536
"""How much is kept of a body that is no event stream."""


class Connection(Protocol):
    """A network stream of httpcore."""

    def get_extra_info(self, info: str) -> object:
        """What is asked for by name, or None."""


Notice = Callable[[Connection | None], None]
"""Is told the connection of a request, and None as soon as the request lets go of it."""


class Request(Protocol):
    """What is used of a request of httpx2, or of httpx."""

    extensions: MutableMapping[str, Any]


class Response(Protocol):
    """What is used of a response of httpx2, or of httpx."""

    request: Request
    status_code: int
    headers: Mapping[str, str]
    extensions: Mapping[str, Any]
    iter_bytes: Callable[[], Iterator[bytes]]
    aiter_bytes: Callable[[], AsyncIterator[bytes]]


class Stream(Protocol):
    """An open stream of a synchronous SDK client."""

    response: Response

    def __iter__(self) -> Iterator[object]: ...

    def close(self) -> None:
        """Let go of the connection."""


class AsyncStream(Protocol):
    """An open stream of an asynchronous SDK client."""

    response: Response

    def __aiter__(self) -> AsyncIterator[object]: ...

    async def close(self) -> None:
        """Let go of the connection."""


class Client(Protocol):
    """What is used of an SDK client, besides the methods that start a stream."""

    _prepare_request: Callable[[Request], None]

    def with_options(self, *, max_retries: int = 0) -> Client:
        """A client of its own on the same connections."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A client whose own retries are off. provider: who answers it, if that can be told."""

    client: Client
    provider: str | None
    is_async: bool

    @classmethod
    def of(cls, client: object, provider: str | None) -> Caller:
        """The caller for `client`, which stays as it is. provider: named by the user, or None.

        Warns (`NestedRetriesWarning`, where the turn is made) if the client would have retried by
        itself. Raises TypeError if `client` is no SDK client.
        """
        with_options = getattr(client, "with_options", None)
        if not callable(with_options) or not hasattr(client, "close"):
            raise TypeError(
                f"Turn: client is {client!r:.80}, which is no SDK client; "
                "give an OpenAI, AsyncOpenAI, Anthropic or AsyncAnthropic"
            )
        if retries := sdk_retries(client):
            warnings.warn(
                f"{type(client).__name__} retries {retries} times by itself; the turn does the "
                "retrying and has switched that off for its own requests; make the client with "
                "max_retries=0",
                NestedRetriesWarning,
                stacklevel=3,
            )
        kind = type(client)
        looks = f"{kind.__module__}.{kind.__qualname__} {getattr(client, 'base_url', '')}".lower()
        who = normalised_provider(provider) or provider_in(looks)
        return cls(with_options(max_retries=0), who, iscoroutinefunction(client.close))

    def protocol(self, arguments: Mapping[str, object]) -> str:
        """The protocol that a request with `arguments` speaks."""
        if hasattr(self.client, "messages"):
            return ANTHROPIC
        return CHAT if "messages" in arguments else RESPONSES

    def start(
        self,
        arguments: Mapping[str, object],
        limit_s: float | None,
        noticed: Notice,
    ) -> Stream:
        """Send the request and return its stream once the headers are there.

        limit_s: for connecting, writing, and each read before the headers. noticed: is told a
        connection as soon as it is made, but one that was idle only when the headers have come.
        """
        client = self.client.with_options(max_retries=0)
        _notice_connections(client, noticed)
        stream = cast(Stream, self._create(client, arguments, limit_s))
        connection = stream.response.extensions.get("network_stream")
        if connection is not None:
            noticed(connection)
        timeouts = stream.response.request.extensions.get("timeout")
        if isinstance(timeouts, MutableMapping):
            timeouts["read"] = None
        return stream

    async def astart(self, arguments: Mapping[str, object]) -> AsyncStream:
        """Send the request and return its stream once the headers are there, however late."""
        created = cast(Awaitable[AsyncStream], self._create(self.client, arguments, None))
        return await created

    def _create(
        self, client: object, arguments: Mapping[str, object], limit_s: float | None
    ) -> object:
        create = attrgetter(CREATE[self.protocol(arguments)])(client)
        return create(**arguments, stream=True, timeout=limit_s)


def _notice_connections(client: Client, noticed: Notice) -> None:
    """Have `client` tell its connections; `_prepare_request` is the SDKs' place for such things."""
    prepare = client._prepare_request

    def trace(name: str, info: Mapping[str, Any]) -> None:
        made = info.get("return_value")
        if hasattr(made, "get_extra_info"):
            noticed(cast(Connection, made))
        elif name.endswith(".response_closed.started"):
            noticed(None)

    def prepared(request: Request) -> None:
        prepare(request)
        request.extensions.setdefault("trace", trace)

    client._prepare_request = prepared


def shut_down(connection: Connection) -> None:
    """End `connection` from another thread than the one that reads it, which wakes up."""
    plain = connection.get_extra_info("socket")
    if isinstance(plain, socket.socket):
        with suppress(OSError):
            # Not SSLSocket's own method, which first takes the TLS state from under the reader.
            socket.socket.shutdown(plain, socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class Closed:
    """A stream has ended, or never began.

    error: what the SDK raised, None if it ended in order. opened: the headers had come. done:
    the SDK stopped of itself before the bytes did, which it does at ``[DONE]``. unread: the body,
    if it was no event stream, which the SDKs pass over.
    """

    error: BaseException | None
    opened: bool
    done: bool
    unread: Failure | None


class Wire:
    """Watches the bytes of one stream."""

    def __init__(self) -> None:
        self._response: Response | None = None
        self._head: bytes | None = None
        self._ended = False

    def watch(self, response: Response) -> None:
        """Watch `response`, of which nothing has been read yet."""
        self._response = response
        if "event-stream" not in response.headers.get("content-type", ""):
            self._head = b""
        chunks, achunks = response.iter_bytes, response.aiter_bytes

        def watched() -> Iterator[bytes]:
            for chunk in chunks():
                self._note(chunk)
                yield chunk
            self._ended = True

        async def awatched() -> AsyncIterator[bytes]:
            async for chunk in achunks():
                self._note(chunk)
                yield chunk
            self._ended = True

        response.iter_bytes, response.aiter_bytes = watched, awatched

    def closed(self, error: BaseException | None) -> Closed:
        """How it was when the stream ended with `error`, or without."""
        response, unread = self._response, None
        if response is not None and self._head:
            headers = dict(response.headers)
            unread = Failure(status=response.status_code, headers=headers, body=self._head)
        opened = response is not None
        return Closed(error, opened, opened and error is None and not self._ended, unread)

    def _note(self, chunk: bytes) -> None:
        if self._head is not None and len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
