"""A transport that passes everything on at once, and records it.

Works under httpx2 and httpx, sync and async, without importing either.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Self

from chatlab.lab.cassettes.cassette import Cassette
from chatlab.lab.cassettes.exchange_recorder import ExchangeRecorder as Take
from chatlab.lab.cassettes.exchange_recorder import Foreign

if TYPE_CHECKING:
    import httpx
    import httpx2

    class _Transport(
        httpx2.BaseTransport,
        httpx2.AsyncBaseTransport,
        httpx.BaseTransport,
        httpx.AsyncBaseTransport,
    ):
        def handle_request(self, request: Foreign) -> Foreign: ...
        async def handle_async_request(self, request: Foreign) -> Foreign: ...
else:
    _Transport = object


class RecordingTransport(_Transport):
    """Passes every request to ``inner`` and every exchange to ``cassette``.

        tape = Cassette()
        http = httpx2.Client(transport=RecordingTransport(httpx2.HTTPTransport(), tape))
        OpenAI(http_client=http)  # with the usual key, or towards a FakeProvider

    The application gets the same chunks at the same times and the same exceptions as without it.
    An exchange is in the cassette once it has ended. ``now`` returns seconds.
    """

    def __init__(
        self, inner: Foreign, cassette: Cassette, *, now: Callable[[], float] = time.perf_counter
    ) -> None:
        """Wrap ``inner``, a transport of httpx2 or httpx, sync or async."""
        self._inner = inner
        self._cassette = cassette
        self._now = now

    def handle_request(self, request: Foreign) -> Foreign:
        """Send ``request``; the response is recorded while it is read."""
        take = Take(request, self._cassette, self._now)
        with _noting(take):
            response = self._inner.handle_request(request)
        return _recorded(response, take, _Stream, "SyncByteStream")

    async def handle_async_request(self, request: Foreign) -> Foreign:
        """Send ``request``; the response is recorded while it is read."""
        take = Take(request, self._cassette, self._now)
        with _noting(take):
            response = await self._inner.handle_async_request(request)
        return _recorded(response, take, _AsyncStream, "AsyncByteStream")

    def close(self) -> None:
        """Close ``inner``."""
        self._inner.close()

    async def aclose(self) -> None:
        """Close ``inner``."""
        await self._inner.aclose()

    def __enter__(self) -> Self:
        """Enter ``inner``."""
        self._inner.__enter__()
        return self

    def __exit__(self, *problem: Foreign) -> None:
        """Leave ``inner``."""
        self._inner.__exit__(*problem)

    async def __aenter__(self) -> Self:
        """Enter ``inner``."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *problem: Foreign) -> None:
        """Leave ``inner``."""
        await self._inner.__aexit__(*problem)


class _Stream:
    def __init__(self, stream: Foreign, take: Take) -> None:
        self._stream = stream
        self._take = take

    def __iter__(self) -> Iterator[bytes]:
        with _noting(self._take):
            for data in self._stream:
                self._take.chunk(data)
                yield data
        self._take.finish()

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._take.leave()


class _AsyncStream:
    def __init__(self, stream: Foreign, take: Take) -> None:
        self._stream = stream
        self._take = take

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._stream.__aiter__()
        try:
            with _noting(self._take):
                async for data in chunks:
                    self._take.chunk(data)
                    yield data
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        self._take.finish()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._take.leave()


@contextmanager
def _noting(take: Take) -> Iterator[None]:
    """Note in ``take`` what the block raises, unless its generator is only closed."""
    try:
        yield
    except GeneratorExit:
        raise  # somebody else reads on, or it is closed
    except BaseException as problem:
        take.fail(problem)
        raise


def _recorded(response: Foreign, take: Take, cls: type, base_name: str) -> Foreign:
    """Return ``response`` with its stream wrapped, in a class that its library accepts."""
    take.begin_response(response)
    bases = (kind for kind in type(response.stream).__mro__ if kind.__name__ == base_name)
    response.stream = _with_base(cls, next(bases, object))(response.stream, take)
    return response


@cache
def _with_base(cls: type, base: type) -> type:
    return type(cls.__name__, (cls, base), {})
