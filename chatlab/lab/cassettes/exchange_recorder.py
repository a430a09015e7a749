"""One exchange while it is recorded: what to keep, and how it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from chatlab.corpus.sanitizer.placeholders import is_trivial
from chatlab.lab.cassettes.cassette import Cassette
from chatlab.lab.faults.recorded_exchange import (
    Chunk,
    RecordedEnd,
    RecordedExchange,
    RecordedRequest,
    RecordedResponse,
)
from chatlab.text.randomness import is_random

Foreign: TypeAlias = Any
"""A transport, request, response or stream of httpx2 or httpx."""

REQUEST_HEADERS: Final = frozenset(
    {
        "accept",
        "anthropic-beta",
        "anthropic-version",
        "content-type",
        "openai-beta",
        "x-stainless-retry-count",
    }
)
"""Request headers that are recorded."""

_SECRET_NAME: Final = re.compile(r"auth|cookie|credential|key|password|secret|sig|token", re.I)
_MIN_SECRET_CHARS: Final = 8
_ENDS: Final = {"ReadError": "reset", "WriteError": "reset", "TimeoutException": "timeout"}
_H2_ENDS: Final = {"StreamReset": "rst-stream", "ConnectionTerminated": "goaway"}
_HUNG_UP: Final = ("peer closed connection", "Server disconnected")


class ExchangeRecorder:
    """One exchange while it is recorded. Only its first end counts."""

    def __init__(self, request: Foreign, cassette: Cassette, now: Callable[[], float]) -> None:
        self._cassette = cassette
        self._number = cassette.begin(_secrets(request))
        self._request = _recorded(request)
        self._response: Foreign = None
        self._head_s = 0.0
        self._chunks: list[tuple[float, bytes]] = []
        self._has_ended = False
        self._now = now
        self._began_s = now()

    def begin_response(self, response: Foreign) -> None:
        """Note the head."""
        self._response, self._head_s = response, self._elapsed_s()

    def chunk(self, data: bytes) -> None:
        """Note what has just arrived."""
        if data:
            self._chunks.append((self._elapsed_s(), data))

    def finish(self) -> None:
        """Note that the body ended properly."""
        self._end("clean")

    def leave(self, problem: BaseException | None = None) -> None:
        """Note that the client went: too early, unless nothing more was to come."""
        if self._has_ended:
            return
        content = b"".join(data for _, data in self._chunks)
        length = None if self._response is None else _length(self._response)
        if content.rstrip().endswith(b"data: [DONE]") or len(content) == length:
            self._end("clean")
        else:
            self._end("cancelled", problem)

    def fail(self, problem: BaseException) -> None:
        """Note how the connection failed, or that the client was cancelled."""
        if not isinstance(problem, Exception):
            self.leave(problem)
            return
        kinds = (kind.__name__ for kind in type(problem).__mro__)
        how = next((_ENDS[kind] for kind in kinds if kind in _ENDS), "failed")
        h2_code = None
        if type(problem).__name__ == "RemoteProtocolError":
            if str(problem).startswith(_HUNG_UP):
                how = "closed"
            for event in getattr(problem.__cause__, "args", ()):
                if type(event).__name__ in _H2_ENDS:
                    how, h2_code = _H2_ENDS[type(event).__name__], int(event.error_code or 0)
        self._end(how, problem, h2_code)

    def _elapsed_s(self) -> float:
        return round(self._now() - self._began_s, 6)

    def _end(
        self, how: str, problem: BaseException | None = None, h2_code: int | None = None
    ) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        name = None
        if problem is not None:
            name = f"{type(problem).__module__.partition('.')[0]}.{type(problem).__qualname__}"
        end = RecordedEnd(how, self._elapsed_s(), name, h2_code)
        version = None
        if self._response is not None:
            spoken = self._response.extensions.get("http_version", b"HTTP/1.1")
            version = spoken.decode("ascii").removeprefix("HTTP/")
        exchange = RecordedExchange(self._request, self._recorded_response(), end, version)
        self._cassette.end(self._number, exchange)

    def _recorded_response(self) -> RecordedResponse | None:
        response = self._response
        if response is None:
            return None
        chunks = tuple(Chunk.of(data, at_s) for at_s, data in self._decoded())
        headers = {name.lower(): value for name, value in response.headers.items()}
        return RecordedResponse(
            response.status_code, self._head_s, headers, _length(response), chunks
        )

    def _decoded(self) -> list[tuple[float, bytes]]:
        """Return the chunks without their Content-Encoding, as far as it can be undone.

        What stays encoded could not be searched for secrets, so it is not kept.
        """
        encoding = self._response.headers.get("content-encoding", "identity")
        if encoding == "identity":
            return self._chunks
        fed_s: list[float] = []

        def feed() -> Iterator[bytes]:
            for at_s, data in self._chunks:
                fed_s.append(at_s)
                yield data

        again = type(self._response)(200, headers={"content-encoding": encoding}, content=feed())
        decoded: list[tuple[float, bytes]] = []
        with suppress(Exception):  # the application meets the same one, and it is not ours
            for data in again.iter_bytes():
                decoded.append((fed_s[-1], data))
        return [] if decoded == self._chunks else decoded


def _recorded(request: Foreign) -> RecordedRequest:
    body: object = None
    with suppress(RuntimeError, ValueError):  # a streamed upload, nested too deeply, or no JSON
        body = json.loads(request.content)
    headers = {name.lower(): value for name, value in request.headers.items()}
    kept = {name: value for name, value in headers.items() if name in REQUEST_HEADERS}
    known = body if isinstance(body, dict | list) else None
    return RecordedRequest(request.method, request.url.path, kept, known)


def _secrets(request: Foreign) -> set[str]:
    """Return what the request itself calls a secret, in headers and query, and its password."""
    pairs = [*request.headers.items(), *parse_qsl(request.url.query.decode("ascii", "replace"))]
    found = {request.url.password}
    for name, value in pairs:
        if _SECRET_NAME.search(name):
            found |= {value, value.partition(" ")[2]}
            found |= {part for part in re.split(r"[\s;,=]+", value) if is_random(part)}
    return {value for value in found if len(value) >= _MIN_SECRET_CHARS and not is_trivial(value)}


def _length(response: Foreign) -> int | None:
    """Return the Content-Length of a body that was sent as it is, else None."""
    headers = response.headers
    if headers.get("content-encoding", "identity") != "identity":
        return None
    length: str = headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
