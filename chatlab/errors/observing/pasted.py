"""What people paste: an HTTP dump, a JSON body, an event stream, a traceback, or just words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from chatlab.errors.failure import Failure
from chatlab.errors.observing.envelopes import Call, calls_in, calls_in_text
from chatlab.errors.reading.fields import parsed
from chatlab.errors.reading.text.streams import is_event_stream
from chatlab.errors.reading.text.structures import MAX_PARSED_CHARS, literal
from chatlab.errors.reading.who_answered import normalised_provider, provider_in, vendor_of
from chatlab.text.patterns import lazy

_MAX_QUOTED: Final = 5
_STATUS_LINE: Final = lazy(
    r"^[ \t]{0,8}(<?)[ \t]{0,8}HTTP/[\d.]{1,4}[ \t]+(\d{3})\b[^\n]*$", re.MULTILINE
)
_HEADER: Final = lazy(r"^[<\s]*([A-Za-z0-9!#$%&'*+.^_|~-]+):[ \t]*([^\r\n]*)\r?$")
_CURL_SAYS: Final = lazy(
    r"^(?:\* |[{}] \[\d+ bytes data\]|[ \t]*% Total |[ \t]*Dload |[ \t\d.kMG]*--:--:--)[^\n]*$"
    r"|\* (?:Closing connection|Connection #\d+ to host)[^\n]*",
    re.MULTILINE,
)
_CURL_SENT: Final = lazy(r"^[<>][^\n]*$", re.MULTILINE)
_HOST: Final = lazy(r"https?://([^/\s\"'<>]+)|^> ?host: *(\S+)", re.IGNORECASE | re.MULTILINE)
_COLOUR: Final = lazy(r"\x1b\[[\d;]*m")
_FRAME: Final = lazy(
    r'^([ |+]*)File "[^"\n]*", line \d+[^\n]*\n(?:\1  [^\n]*(?:\n|\Z))*'  # Python
    r"|^(?:File|Cell In ?\[\d+\])[^\n]*\n(?: *(?:-+> *)?\d+\b[^\n]*(?:\n|\Z))+"  # IPython
    r"|^ *\+[-+][-+ \d]*(?:\n|\Z)",  # the borders of a group
    re.MULTILINE,
)


_OWN_DEADLINE: Final = lazy(r"\n(?:\w+\.){0,4}TimeoutError:?\s*\Z")
"""How a traceback ends whose last exception is the caller's own deadline."""
_LAST_LINE_CHARS: Final = 200
_SEVERAL_ATTEMPTS: Final = "[AI_RetryError]"
_ATTEMPT: Final = "APICallError [AI_APICallError]"
_STATUS_NAMES: Final = ("status", "statusCode", "status_code")


def from_text(text: str) -> Failure:
    """The failure that a pasted `text` shows.

    The last HTTP response of a ``curl -i`` or ``-v`` dump gives status, headers and body; a JSON
    object or array, a Python dict, or an event stream, is a body, however often it was quoted;
    anything else is text, of a traceback the exceptions without the frames.
    """
    text = _COLOUR.sub("", _unquoted(text.lstrip("\ufeff")))
    dump = _from_dump(text)
    if dump is not None:
        return dump
    calls = calls_in_text(text)
    if calls is not None:
        return _of_calls(calls)
    opening = text[:1000].lstrip()
    payload = _payload_in(text) if opening.startswith(("{", "[")) else None
    if payload is not None:
        return from_payload(payload)
    if is_event_stream(text):
        return Failure(body=text)
    if "Traceback (most recent" in text and _OWN_DEADLINE.search(text[-_LAST_LINE_CHARS:]):
        return Failure(text=text.rstrip().rpartition("\n")[2])
    if _SEVERAL_ATTEMPTS in text:
        text = text[text.rfind(_ATTEMPT) :] if _ATTEMPT in text else text
    return Failure(text=_FRAME.sub("", text) if "Traceback (most recent" in text else text)


def _payload_in(text: str) -> object:
    """The payload that `text` is; a long one only where it is a record of calls."""
    if len(text) <= MAX_PARSED_CHARS:
        return literal(text)
    document = _decoded(text)
    return document if calls_in(document) is not None else None


def from_payload(payload: object) -> Failure:
    """The failure of a decoded `payload`: a tool's record, an SSE event, a body.

    Of a record of several calls, that of the first that failed.
    """
    calls = calls_in(payload)
    if calls is not None:
        return _of_calls(calls)
    if isinstance(payload, Mapping):
        if "headers" in payload and "body" in payload:
            status = next(filter(None, map(payload.get, _STATUS_NAMES)), None)
            return Failure.from_record({**payload, "status": status})
        if "event" in payload and isinstance(payload.get("data"), str | bytes):
            return Failure(body=parsed(payload["data"]))
    return Failure(body=payload)


def failures_of(thing: object) -> tuple[Failure, ...]:
    """The failed calls in a document, decoded or as text; empty when it is no record of calls."""
    if isinstance(thing, str):
        text = thing.lstrip("\ufeff")
        calls = calls_in_text(text) or calls_in(_decoded(text))
    else:
        calls = calls_in(thing)
    return tuple(failure_of(call) for call in calls or () if call.failed)


def _decoded(text: str) -> object:
    """A JSON document of any length, or one a line; None when it is neither."""
    if text[:1000].lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line, strict=False) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _of_calls(calls: Iterable[Call]) -> Failure:
    """The failure of the first that failed; of none, a failure that shows nothing."""
    return next((failure_of(call) for call in calls if call.failed), Failure())


def failure_of(call: Call) -> Failure:
    """What `call` shows of its failure."""
    ended = {"stream_cut": call.cut, "reader_left": call.reader_left}
    return Failure(
        status=call.status,
        headers=call.headers,
        body=call.body,
        exception_type=call.exception_type,
        exception_text=call.exception_text,
        text=call.text,
        provider=_named(call.provider),
        attributes=ended if call.cut or call.reader_left else None,
    )


def _named(provider: str | None) -> str | None:
    """The provider that a record names, by a host or a known name; of any other host none."""
    if provider is None:
        return None
    known = normalised_provider(provider) if vendor_of(provider) else None
    return known or provider_in(provider.lower())


def _unquoted(text: str) -> str:
    """`text` without the quotation marks that make it a string, of JSON or of Python."""
    for _ in range(_MAX_QUOTED):
        inner = literal(text.strip()) if text[:64].lstrip().lstrip("bB")[:1] in ("'", '"') else None
        if not isinstance(inner, str):
            return text
        text = inner
    return text


def _from_dump(text: str) -> Failure | None:
    status_lines = list(_STATUS_LINE.finditer(text[:MAX_PARSED_CHARS]))
    for status_line in reversed(status_lines):
        headers, position = _headers(text, status_line.end() + 1)
        if not headers:
            continue
        body = text[position:]
        before = text[: status_lines[0].start()]
        said = _CURL_SAYS.sub("", before.partition("curl ")[0])
        hosts = (host[1] or host[2] for host in _HOST.finditer(before[-MAX_PARSED_CHARS:]))
        return Failure(
            status=int(status_line[2]),
            headers=headers,
            body=(_CURL_SAYS.sub("", body) if status_line[1] else body).strip() or None,
            text=_CURL_SENT.sub("", said).strip() or None,
            provider=next(filter(None, (provider_in(host.lower()) for host in hosts)), None),
        )
    return None


def _headers(text: str, position: int) -> tuple[dict[str, object], int]:
    """The header lines from `position` on, of several values the first, and where they end."""
    headers: dict[str, object] = {}
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end]
        header = _HEADER.match(line)
        if header is not None:
            headers.setdefault(header[1], header[2])
        elif not line.startswith(("* ", "{ [", "} [")):
            blank = not line.strip(" \t\r<")
            return headers, end + 1 if blank else position
        position = end + 1
    return headers, position
