"""One streamed request through an official SDK client.

No SDK is imported: a client is recognized by what it can do.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from inspect import iscoroutinefunction
from operator import attrgetter
from typing import Any, Final, Protocol, cast

from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, RESPONSES
from chatlab.chat.transport.byte_tap import Response
from chatlab.chat.transport.error_bodies import AsyncBoundedErrors, BoundedErrors
from chatlab.errors.reading.who_answered import normalised_provider, provider_in
from chatlab.retry import warn_if_sdk_retries

CREATE: Final = {
    ANTHROPIC: "messages.create",
    RESPONSES: "responses.create",
    CHAT: "chat.completions.create",
}
"""Where a client starts each protocol."""


class Connection(Protocol):
    """A network stream of httpcore."""

    def get_extra_info(self, info: str) -> object:
        """Return what has this name, or None."""


OnConnection = Callable[[Connection | None], None]
"""Called with the connection of a request, and with None when the request releases it."""


class Request(Protocol):
    """What is used of a request of httpx2, or of httpx."""

    extensions: MutableMapping[str, Any]


class Stream(Protocol):
    """An open stream of a synchronous SDK client."""

    response: Response

    def __iter__(self) -> Iterator[object]: ...

    def close(self) -> None:
        """Release the connection."""


class AsyncStream(Protocol):
    """An open stream of an asynchronous SDK client."""

    response: Response

    def __aiter__(self) -> AsyncIterator[object]: ...

    async def close(self) -> None:
        """Release the connection."""


class Client(Protocol):
    """What is used of an SDK client, besides the methods that start a stream."""

    _client: Any
    _prepare_request: Callable[[Request], None]

    def with_options(self, *, max_retries: int = 0) -> Client:
        """Make a client of its own on the same connections."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A client whose own retries are off. provider: who answers it, if known."""

    client: Client
    provider: str | None
    is_async: bool

    @classmethod
    def of(cls, client: object, provider: str | None) -> Caller:
        """Make the caller for `client`, which stays as it is.

        Parameters
        ----------
        client:
            A client of the openai or anthropic SDK.
        provider:
            Named by the user, or None: then the client's class and address may tell.

        Raises
        ------
        TypeError
            If `client` is not an SDK client. If it would have retried by itself, there is a
            `NestedRetriesWarning` at the line that makes the turn.
        """
        with_options = getattr(client, "with_options", None)
        if not callable(with_options) or not hasattr(client, "close"):
            raise TypeError(
                f"Turn: client is {client!r:.80}, which is not an SDK client; "
                "give an OpenAI, AsyncOpenAI, Anthropic or AsyncAnthropic"
            )
        warn_if_sdk_retries(client, switched_off=True, stacklevel=4)
        kind = type(client)
        looks = f"{kind.__module__}.{kind.__qualname__} {getattr(client, 'base_url', '')}".lower()
        who = normalised_provider(provider) or provider_in(looks)
        return cls(with_options(max_retries=0), who, iscoroutinefunction(client.close))

    def protocol(self, arguments: Mapping[str, object]) -> str:
        """Name the protocol that a request with `arguments` speaks."""
        if hasattr(self.client, "messages"):
            return ANTHROPIC
        return CHAT if "messages" in arguments else RESPONSES

    def start(
        self,
        arguments: Mapping[str, object],
        limit_s: float | None,
        on_connection: OnConnection,
    ) -> Stream:
        """Send the request and return its stream once the headers are there.

        limit_s: for connecting, writing, and each read before the headers. on_connection:
        called with a new connection as soon as it is made, but with one that was idle only when
        the headers have arrived.
        """
        client = self.client.with_options(max_retries=0)
        client._client = BoundedErrors(client._client)
        _report_connections(client, on_connection)
        stream = cast(Stream, self._create(client, arguments, limit_s))
        connection = stream.response.extensions.get("network_stream")
        if connection is not None:
            on_connection(connection)
        timeouts = stream.response.request.extensions.get("timeout")
        if isinstance(timeouts, MutableMapping):
            timeouts["read"] = None
        return stream

    async def astart(self, arguments: Mapping[str, object]) -> AsyncStream:
        """Send the request and return its stream once the headers are there, however late."""
        client = self.client.with_options(max_retries=0)
        client._client = AsyncBoundedErrors(client._client)
        return await cast(Awaitable[AsyncStream], self._create(client, arguments, None))

    def _create(
        self, client: object, arguments: Mapping[str, object], limit_s: float | None
    ) -> object:
        create = attrgetter(CREATE[self.protocol(arguments)])(client)
        return create(**arguments, stream=True, timeout=limit_s)


def _report_connections(client: Client, on_connection: OnConnection) -> None:
    """Have `client` report its connections, through the SDKs' own hook `_prepare_request`."""
    prepare = client._prepare_request

    def trace(name: str, info: Mapping[str, Any]) -> None:
        made = info.get("return_value")
        if hasattr(made, "get_extra_info"):
            on_connection(cast(Connection, made))
        elif name.endswith(".response_closed.started"):
            on_connection(None)

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
