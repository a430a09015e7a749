"""Watches the decoded bytes of one stream, for what the SDKs do not pass on.

openai swallows ``[DONE]``, and both SDKs end silently when the bytes do, also when the body is not
an event stream at all. And only the bytes show that an SDK is about to wait for more of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from chatlab.chat.stream.stream_end import StreamEnd
from chatlab.errors import Failure

HEAD_BYTES: Final = 65_536
"""How much is kept of a body that is not an event stream."""


class Response(Protocol):
    """What is used of a response of httpx2, or of httpx."""

    request: Any
    status_code: int
    headers: Mapping[str, str]
    extensions: Mapping[str, Any]
    iter_bytes: Callable[[], Iterator[bytes]]
    aiter_bytes: Callable[[], AsyncIterator[bytes]]


class ByteTap:
    """The tap of one stream.

    Parameters
    ----------
    count:
        Called with the size of each chunk; what it raises ends the stream.
    """

    def __init__(self, count: Callable[[int], None]) -> None:
        self._count = count
        self._response: Response | None = None
        self._head: bytes | None = None
        self._ended = False

    def attach(self, response: Response, drained: Callable[[], None]) -> None:
        """Watch `response`, of which nothing has been read yet.

        drained: called when the SDK has decoded all that has arrived and reads on.
        """
        self._begin(response)
        chunks = response.iter_bytes

        def tapped() -> Iterator[bytes]:
            for chunk in chunks():
                self._note(chunk)
                yield chunk
                drained()
            self._ended = True

        response.iter_bytes = tapped

    def attach_async(self, response: Response, drained: Callable[[], Awaitable[None]]) -> None:
        """As `attach`, for an asynchronous response."""
        self._begin(response)
        chunks = response.aiter_bytes

        async def tapped() -> AsyncIterator[bytes]:
            async for chunk in chunks():
                self._note(chunk)
                yield chunk
                await drained()
            self._ended = True

        response.aiter_bytes = tapped

    def end(self, error: BaseException | None) -> StreamEnd:
        """Describe how the stream ended with `error`, or without."""
        response, other = self._response, None
        if response is not None and self._head:
            headers = dict(response.headers)
            other = Failure(status=response.status_code, headers=headers, body=self._head)
        opened = response is not None
        return StreamEnd(error, opened, opened and error is None and not self._ended, other)

    def _begin(self, response: Response) -> None:
        self._response = response
        if "event-stream" not in response.headers.get("content-type", ""):
            self._head = b""

    def _note(self, chunk: bytes) -> None:
        self._count(len(chunk))
        if self._head is not None and len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
