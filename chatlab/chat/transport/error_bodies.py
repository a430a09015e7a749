"""Limits how much is read of the body of an error response, which a provider may make any size.

The SDKs read such a body completely, decode it, and keep it in their exception, at each retry. The
HTTP client under the SDK is wrapped, so that the SDK only sees the beginning of a large body.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from chatlab.chat.transport.byte_tap import Response

ERROR_BYTES: Final = 1_048_576
"""How many decoded bytes of an error body are read."""


class BoundedErrors:
    """An HTTP client of httpx2 or httpx, whose error responses are limited."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401  of either library
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def send(self, *args: object, **kwargs: object) -> Response:
        """Send as the client does."""
        response: Any = self._inner.send(*args, **kwargs)
        if response.status_code >= 400:
            chunks = response.iter_bytes

            def beginning() -> Iterator[bytes]:
                left = ERROR_BYTES
                for chunk in chunks():
                    yield chunk[:left]
                    left -= len(chunk)
                    if left <= 0:
                        response.close()
                        return

            response.iter_bytes = beginning
        return response  # type: ignore[no-any-return]


class AsyncBoundedErrors:
    """An asynchronous HTTP client, whose error responses are limited."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401  of either library
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def send(self, *args: object, **kwargs: object) -> Response:
        """Send as the client does."""
        response: Any = await self._inner.send(*args, **kwargs)
        if response.status_code >= 400:
            chunks = response.aiter_bytes

            async def beginning() -> AsyncIterator[bytes]:
                left = ERROR_BYTES
                async for chunk in chunks():
                    yield chunk[:left]
                    left -= len(chunk)
                    if left <= 0:
                        await response.aclose()
                        return

            response.aiter_bytes = beginning
        return response  # type: ignore[no-any-return]
