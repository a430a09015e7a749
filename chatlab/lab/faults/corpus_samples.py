"""A corpus sample as a reply: an HTTP error byte for byte, or an error event inside a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from chatlab.errors.reading.text.streams import is_event_stream
from chatlab.lab.protocols.exchange import (
    TRANSFER_HEADERS,
    BodyPiece,
    ReceivedRequest,
    Reply,
    compact,
    event,
    sendable,
    utf8,
    whole,
)
from chatlab.lab.protocols.notation import ScriptError, near
from chatlab.lab.protocols.table import JSON_TYPE

_NAMED_ERRORS = frozenset({"/v1/responses", "/v1/messages"})
_EVENT_TYPES = frozenset({"error", "response.failed", "response.incomplete"})


class Sample(Protocol):
    """What is needed of a corpus sample."""

    @property
    def id(self) -> str:
        """``provider/what-happened``."""

    @property
    def surface(self) -> str:
        """Where the failure was seen: ``http_error``, ``stream_event`` ..."""

    @property
    def status(self) -> int | None:
        """The HTTP status, when the sample has one."""

    @property
    def headers(self) -> Mapping[str, object]:
        """The response headers."""

    @property
    def body(self) -> object:
        """The body: decoded JSON, a str, or None."""

    @property
    def exception(self) -> object:
        """``{"type", "text"}`` as a mapping or an object, or None."""

    @property
    def text(self) -> str | None:
        """The text that was seen, when it was no body."""


class Samples(Protocol):
    """Where samples come from: a corpus, or any mapping from id to sample."""

    def __getitem__(self, key: str, /) -> Sample:
        """Return the sample with this id, or raise `KeyError`."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the ids, or the samples."""


def find(samples: Samples | None, sample_id: str) -> Sample:
    """Return a sample that can be served.

    Raises `ScriptError` for an unknown id (with the near one) and for a sample that no server
    can send.
    """
    if samples is None:
        raise ScriptError(f"sample:{sample_id}: no samples were given; pass samples=Corpus.load()")
    try:
        sample = samples[sample_id]
    except KeyError:
        names = [str(getattr(item, "id", item)) for item in samples]
        hint = near(sample_id, names) or f"; there are {len(names)} samples"
        raise ScriptError(f'unknown sample "{sample_id}"{hint}') from None
    if sample.surface != "stream_event" and sample.status is None:
        raise ScriptError(
            f"sample:{sample_id} has surface {sample.surface} and no status, so no server can "
            'send it; take a sample with a status, or a fault such as "reset-before-headers"'
        )
    if sample.status is not None and not 200 <= sample.status <= 599:
        raise ScriptError(f"sample:{sample_id} has the status {sample.status}, not 200 to 599")
    return sample


def as_reply(
    sample: Sample, good: Reply, request: ReceivedRequest, after_event: int | None
) -> Reply:
    """Return the reply that ``sample`` is.

    A stream event needs a request for a stream, else `ScriptError`; it comes after
    ``after_event`` events of ``good``, by default after the first content.
    """
    if sample.surface != "stream_event":
        return _http(sample)
    if not request.stream:
        raise ScriptError(f"sample:{sample.id} happens inside a stream; call with stream=True")
    before = good.first(good.place(after_event), f"sample:{sample.id}")
    error = _error_event(sample, request.path)
    return replace(good, body=(*before, error))


def _http(sample: Sample) -> Reply:
    kept = [
        (name, str(value))
        for name, value in sample.headers.items()
        if name.lower() not in TRANSFER_HEADERS
    ]
    headers = sendable(kept, f"sample:{sample.id}")
    content = _content(sample)
    if content and not any(key.lower() == "content-type" for key, _ in headers):
        headers = (("content-type", _guess_type(sample, content)), *headers)
    assert sample.status is not None
    return whole(sample.status, headers, content)


def _content(sample: Sample) -> bytes:
    """Return the body's bytes; without one, the JSON in the words that were seen, or the words."""
    if isinstance(sample.body, str):
        return utf8(sample.body)
    if sample.body is not None:
        return compact(sample.body)
    words = _words(sample)
    return utf8(_json_within(words) or words)


def _words(sample: Sample) -> str:
    seen = sample.exception
    said = seen.get("text") if isinstance(seen, Mapping) else getattr(seen, "text", None)
    return sample.text or said or ""


def _guess_type(sample: Sample, content: bytes) -> str:
    if sample.body is not None and not isinstance(sample.body, str):
        return JSON_TYPE
    start = content.lstrip()[:1]
    if start == b"<":
        return "text/html; charset=utf-8"
    return JSON_TYPE if start in (b"{", b"[") else "text/plain; charset=utf-8"


def _error_event(sample: Sample, path: str) -> BodyPiece:
    """Return the sample as an event, in the words of the endpoint that was called."""
    name = "error" if path in _NAMED_ERRORS else None
    if isinstance(sample.body, str):
        if is_event_stream(sample.body):
            return BodyPiece(utf8(sample.body.rstrip("\n") + "\n\n"))
        return event(sample.body, name)
    payload = _payload(sample)
    if payload.get("type") in _EVENT_TYPES and path == "/v1/responses":
        return event(payload, str(payload["type"]))
    if "error" not in payload:
        payload = {"error": payload}
    return event(payload if name is None else {"type": "error", **payload}, name)


def _payload(sample: Sample) -> dict[str, Any]:
    """Return the event's JSON: the body, JSON in the text, or the text as a message."""
    if isinstance(sample.body, dict):
        return sample.body
    words = _words(sample)
    found = _json_within(words)
    return dict(json.loads(found)) if found else {"error": {"message": words}}


def _json_within(words: str) -> str | None:
    """Return the first JSON object in a text: what a client printed with words of its own."""
    start = words.find("{")
    try:
        _, end = json.JSONDecoder().raw_decode(words, start) if start >= 0 else (None, 0)
    except ValueError:
        return None
    return words[start:end] or None
