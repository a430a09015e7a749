"""What a gRPC error holds, whose own text is a dump of the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from chatlab.errors.observing.attributes import attribute, called
from chatlab.errors.observing.responses import by_name

_DETAILS: Final = "grpc-status-details-bin"
_PUSHBACK: Final = "grpc-retry-pushback-ms"
_SERVER_S_OWN: Final = ("UNKNOWN", "ABORTED", "DATA_LOSS")
_MAX_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 500
_RETRY_INFO: Final = "google.rpc.RetryInfo"
_ERROR_INFO: Final = "google.rpc.ErrorInfo"


def status_of(exception: object) -> dict[str, object] | None:
    """The status of a gRPC error, its message, and what `google.rpc.Status` adds to it."""
    name = attribute(called(exception, "code"), "name")
    if not name:
        return None
    status = {"status": name, "message": called(exception, "details")}
    packed = _metadata(exception).get(_DETAILS)
    details = list(_details(packed)) if isinstance(packed, bytes) else []
    return {**status, "details": details} if details else status


def code_of(exception: object) -> str | None:
    """``grpc_unknown`` and its like: a status whose bare name could be anybody's word."""
    name = attribute(called(exception, "code"), "name")
    return f"grpc_{name.lower()}" if isinstance(name, str) and name in _SERVER_S_OWN else None


def headers_of(exception: object) -> Mapping[str, object] | None:
    """The trailing metadata of a gRPC error, which are its headers.

    A negative pushback is gRPC's word for "do not try again", as ``x-should-retry: false`` is.
    """
    found = {name: value for name, value in _metadata(exception).items() if name != _DETAILS}
    if str(found.get(_PUSHBACK, "")).startswith("-"):
        found.setdefault("x-should-retry", "false")
    return found or None


def _metadata(exception: object) -> dict[str, object]:
    return by_name(called(exception, "trailing_metadata"))


def _details(packed: bytes) -> Iterator[dict[str, object]]:
    """What is known of the details in a serialized `google.rpc.Status`, as JSON has them."""
    for number, detail in _fields(packed):
        if number == 3 and isinstance(detail, bytes):
            parts = dict(_fields(detail))
            kind, value = _text(parts.get(1)), parts.get(2)
            inner = dict(_fields(value)) if isinstance(value, bytes) else {}
            if kind.endswith(_RETRY_INFO) and isinstance(inner.get(1), bytes):
                delay = dict(_fields(inner[1]))  # type: ignore[arg-type]
                seconds, nanos = delay.get(1, 0), delay.get(2, 0)
                if isinstance(seconds, int) and isinstance(nanos, int):
                    yield {"retryDelay": f"{seconds + nanos / 1e9:.9f}s"}
            elif kind.endswith(_ERROR_INFO):
                yield {"reason": _text(inner.get(1)), "domain": _text(inner.get(2))}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: numbers and bytes; ends where it cannot be read."""
    message, position = message[:_MAX_BYTES], 0
    for _ in range(_MAX_FIELDS):
        key, position = _varint(message, position)
        if key == 0:
            return
        kind = key & 7
        if kind == 0:
            value, position = _varint(message, position)
            yield key >> 3, value
        elif kind == 2:
            length, position = _varint(message, position)
            yield key >> 3, message[position : position + length]
            position += length
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        else:
            return


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            return 0, position
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    return 0, len(message)
