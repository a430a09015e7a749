"""What a fault does to a good reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chatlab.lab.faults import vocabulary as f
from chatlab.lab.faults.script import SampleStep, Step
from chatlab.lab.protocols.exchange import (
    BodyPiece,
    End,
    ReceivedRequest,
    Reply,
    sendable,
    utf8,
    whole,
)
from chatlab.lab.protocols.good_answer import Ids
from chatlab.lab.protocols.notation import ScriptError
from chatlab.lab.protocols.openai_responses import failed
from chatlab.lab.protocols.table import Protocol

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><title>{status} | gateway</title></head>
<body>
<h1>{status}</h1>
<p>This page comes from a gateway, not from the provider's API.</p>
</body>
</html>
"""


def check_fits(fault: f.Fault, request: ReceivedRequest) -> None:
    """Raise `ScriptError` when ``fault`` cannot happen to this request."""
    if fault.stream_only and not request.stream:
        raise ScriptError(f"{fault} needs an event stream; call with stream=True")
    if fault.http2_only and request.http_version != "2":
        raise ScriptError(
            f"{fault} needs HTTP/2; give the SDK an httpx2 client with http2=True, http1=False"
        )
    if fault.http1_only and request.http_version == "2":
        raise ScriptError(f"{fault} needs HTTP/1.1; leave http2=True out of the SDK's client")
    if fault.path_only and request.path != fault.path_only:
        raise ScriptError(f"{fault} happens only on {fault.path_only}, not on {request.path}")


def apply_fault(
    fault: f.Fault, good: Reply, protocol: Protocol, request: ReceivedRequest, ids: Ids
) -> Reply:
    """Return what ``fault`` makes of ``good``.

    Raises `ScriptError` when the fault does not fit the request, or counts further than the
    reply goes.
    """
    check_fits(fault, request)
    match fault:
        case f.RefuseConnection() | f.ResetBeforeHeaders():
            return Reply(None, end=End.RESET)
        case f.CloseBeforeHeaders():
            return Reply(None, end=End.CLOSE)
        case f.StallBeforeHeaders():
            return Reply(None, end=End.STALL)
        case f.StallBeforeContent():
            opening = good.body[: good.place(None) - 1]
            return replace(good, body=opening, end=End.STALL)
        case f.SilenceAfterEvent(event=count):
            return replace(good, body=good.first(count, fault), end=End.STALL)
        case f.CleanEndAfterEvent(event=count):
            return replace(good, body=good.first(count, fault, spare=1))
        case f.CleanEndAtByte(byte=count):
            return replace(good, body=_cut(fault, good, count, spare=1), length=None)
        case f.CloseAtByte(byte=count):
            return replace(good, body=_cut(fault, good, count), end=End.CLOSE)
        case f.ResetAtByte(byte=count):
            return replace(good, body=_cut(fault, good, count), end=End.RESET)
        case f.HttpError(status=status, error=error):
            return protocol.failing(status, error, ids, *_hints(fault))
        case f.OkWithErrorBody(error=error):
            return protocol.failing(200, error, ids)
        case f.HtmlPage(status=status):
            headers = (("content-type", "text/html; charset=utf-8"),)
            return whole(status, headers, utf8(_PAGE.format(status=status)))
        case f.WrongContentType(content_type=wrong):
            kept = [pair for pair in good.headers if pair[0] != "content-type"]
            return replace(good, headers=(("content-type", wrong), *kept))
        case f.InBandError(error=error, after_event=after):
            before = good.first(good.place(after), fault)
            payload = protocol.errors[error][1]
            return replace(good, body=(*before, protocol.error_event(payload, len(before))))
        case f.ResponseFailed(error=error, after_event=after):
            before = good.first(good.place(after), fault)
            payload = protocol.errors[error][1]
            last = failed(payload, request, ids.from_the_start(), len(before))
            return replace(good, body=(*before, last))
        case f.MalformedJson(after_event=after):
            return _spoilt(fault, good, after, _half_json)
        case f.MalformedSse(form=form, after_event=after):
            return _spoilt(fault, good, after, _FRAMINGS[form])
        case f.RstStream(code=code, after_event=after):
            return _ended_by_h2(fault, good, End.RST_STREAM, code, after)
        case f.Goaway(code=code, after_event=after):
            return _ended_by_h2(fault, good, End.GOAWAY, code, after)
        case f.ShortBody(byte=count):
            total = sum(len(piece.data) for piece in good.body)
            return replace(good, body=_cut(fault, good, count, spare=1), length=total)
        case f.ResetUnframed(byte=count):
            before = _cut(fault, good, count)
            return replace(good, body=before, length=None, framed=False, end=End.RESET)
        case f.SlowDrip(bytes=size, every_s=every_s):
            body = b"".join(piece.data for piece in good.body)
            drops = (body[i : i + size] for i in range(0, len(body), size))
            return replace(good, body=tuple(BodyPiece(drop, after_s=every_s) for drop in drops))
    raise ScriptError(f"{fault} has no effect written for it")


def _hints(fault: f.HttpError) -> tuple[tuple[str, str], ...]:
    hints = {"retry-after": fault.retry_after, "retry-after-ms": fault.retry_after_ms}
    return sendable([(key, value) for key, value in hints.items() if value is not None], fault)


def _cut(fault: f.Fault, good: Reply, count: int, spare: int = 0) -> tuple[BodyPiece, ...]:
    """Return the first ``count`` bytes, still in the pieces that they came in."""
    total = sum(len(piece.data) for piece in good.body)
    if count + spare > total:
        most = total - spare
        raise ScriptError(f"{fault}: this reply's body has {total} bytes; count up to {most}")
    kept: list[BodyPiece] = []
    for piece in good.body:
        kept.append(replace(piece, data=piece.data[:count]))
        count -= len(kept[-1].data)
    return tuple(piece for piece in kept if piece.data)


def _spoilt(
    fault: f.Fault, good: Reply, after_event: int | None, spoil: Callable[[bytes], bytes]
) -> Reply:
    """Return ``good`` with one event put through ``spoil``; without a stream, the whole body."""
    at = 0 if good.length is not None else good.place(after_event)
    before = good.first(at, fault, spare=1)
    victim = good.body[at]
    body = (*before, replace(victim, data=spoil(victim.data)), *good.body[at + 1 :])
    length = None if good.length is None else sum(len(piece.data) for piece in body)
    return replace(good, body=body, length=length)


def _half_json(data: bytes) -> bytes:
    head, mark, json_text = data.rpartition(b"data: ")
    cut = json_text.rstrip()[: len(json_text) // 2]
    return head + mark + cut + json_text[len(json_text.rstrip()) :]


_FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "joined-events": lambda data: data.removesuffix(b"\n"),
    "bare-json": lambda data: data.replace(b"data: ", b""),
    "bad-utf8": lambda data: data.replace(b'"', b'"\xff', 1),
}


def _ended_by_h2(
    fault: f.Fault, good: Reply, end: End, code: str, after_event: int | None
) -> Reply:
    number = f.H2_CODES.index(code)
    if after_event is None:
        return Reply(None, end=end, h2_code=number)
    return replace(good, body=good.first(after_event, fault), end=end, h2_code=number)


def outcome(step: Step, good: Reply, reply: Reply, finished: str) -> str | None:
    """Return how the response ended that ``step`` made of ``good``, None if it never began.

    ``finished``, the status of the good response, if its last event is sent: then the provider
    has finished, whatever is spoilt on the way. ``failed`` for an error in its stream, ``cut``
    for one that stops before its end.
    """
    whole, sent = _content(good), _content(reply)
    if reply.status != good.status or not sent:
        return None
    if whole.startswith(sent):
        return finished if sent == whole else "cut"
    if isinstance(step, f.MalformedJson | f.MalformedSse):
        return finished
    is_error = isinstance(step, f.InBandError | f.ResponseFailed | SampleStep)
    return "failed" if is_error and sent.startswith(good.body[0].data) else None


def _content(reply: Reply) -> bytes:
    return b"".join(piece.data for piece in reply.body)
