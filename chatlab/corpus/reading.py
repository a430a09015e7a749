"""The failures in whatever a person hands over: one text, JSON Lines, or a HAR, told by content."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Final

from chatlab.corpus.har import HEAD_BYTES, Har, is_har
from chatlab.corpus.intake import MAX_CHARS, is_record
from chatlab.corpus.sample import SampleError

MAX_BYTES: Final = 4 * MAX_CHARS
"""A text, or a line of JSON Lines, of more bytes is not read."""

_MARKED: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT: Final = re.compile("[\ufffd\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_BINARY_SHARE: Final = 0.05


class Form(StrEnum):
    """What an input is, seen from its beginning."""

    HAR = "har"
    LINES = "lines"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Observed:
    """A failure that was found. place: where, for people. thing: what `Intake.propose` takes.

    path: of the address that was called. source: for the sample.
    """

    place: str
    thing: object
    path: str = ""
    source: dict[str, object] = field(default_factory=dict)


def form_of(stream: IO[bytes], name: str) -> Form:
    """What `stream`, which can seek, holds; `SampleError` when it holds nothing."""
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise SampleError(f"{name}: there is nothing in it; give what the failing call said")
    if is_har(head):
        return Form.HAR
    lines = [line for line in head.split(b"\n") if line.strip()]
    if len(lines) > 1 and isinstance(_json(lines[0]), dict) and lines[1].lstrip()[:1] == b"{":
        return Form.LINES
    return Form.TEXT


def observed_in(stream: IO[bytes], name: str, har: Har) -> Iterator[Observed | SampleError]:
    """The failures in `stream`, in order; a line that is none is a `SampleError` in its place.

    har: what reads it, if it is a HAR. Raises `SampleError` when nothing can be read.
    """
    form = form_of(stream, name)
    if form is Form.HAR:
        for call in har:
            place = f"entry {call.number}"
            yield Observed(place, call.failure, call.path, {"host": call.host})
    elif form is Form.LINES:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _line(line, f"{name}: line {number}")
    else:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SampleError(f"{name}: larger than {MAX_BYTES:,} bytes; {_GIVE_LESS}")
        text = decode(raw, name)
        whole = _json(text)
        yield Observed(name, whole if is_record(whole) else text)


def decode(raw: bytes, name: str) -> str:
    """`raw` as text; `SampleError` when it is none. A byte order mark says how it is encoded."""
    encoding = next((one for mark, one in _MARKED if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, "replace")
    if len(_NO_TEXT.findall(text)) > _BINARY_SHARE * len(text):
        raise SampleError(
            f"{name}: this is no text; give a HAR, a log line, a traceback, a curl -i dump or JSON"
        )
    return text


_GIVE_LESS: Final = "give the part that shows the failure"


def _line(line: bytes, place: str) -> Observed | SampleError:
    if len(line) > MAX_BYTES:
        return SampleError(f"{place}: longer than {MAX_BYTES:,} bytes; {_GIVE_LESS}")
    found = _json(line)
    if not isinstance(found, dict):
        return SampleError(f"{place}: no JSON object; correct the line")
    return Observed(place, found)


def _json(text: str | bytes) -> object:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None
