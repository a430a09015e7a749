"""The failures in an input: one text, JSON Lines, or a HAR, recognised by content."""

from __future__ import annotations

import codecs
import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Final

from chatlab.corpus.adding.har import HEAD_BYTES, Har, entries_in, is_har
from chatlab.corpus.adding.propose import is_record
from chatlab.corpus.adding.validation import MAX_CHARS
from chatlab.corpus.sample import SampleError

MAX_BYTES: Final = 4 * MAX_CHARS
"""A text, or a line of JSON Lines, of more bytes is not read."""

MAX_REWRITTEN_BYTES: Final = 64 * MAX_CHARS
"""A HAR that is wrapped in something else is looked for in no more bytes."""

_MARKED: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT: Final = re.compile("[\ufffd\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_BINARY_SHARE: Final = 0.05


_SENT: Final = re.compile(r'"(?:startedDateTime|postData)"\s*:')
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_NO_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_CJK: Final = re.compile(r"[\u2010-\u2027\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_CJK_SHARE: Final = 0.9


class Form(StrEnum):
    """What an input is, seen from its beginning."""

    HAR = "har"
    LINES = "lines"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Observed:
    """A failure that was found. place: where, for people. thing: what `Intake.propose` takes.

    path: of the address that was called. source: for the sample. doubt: what speaks against it.
    """

    place: str
    thing: object
    path: str = ""
    source: dict[str, object] = field(default_factory=dict)
    doubt: str = ""


def readable(stream: IO[bytes], name: str) -> IO[bytes]:
    """`stream`, which can seek, or a copy: in UTF-8, and a HAR however it is wrapped in one form.

    A single entry that was copied out, a list of them, a HAR in a list: all become one HAR.
    """
    encoding = encoding_of(stream.read(4))
    stream.seek(0)
    if encoding not in (None, "utf-8-sig"):
        stream = _in_utf8(stream, str(encoding), name)
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if is_har(head) or head.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] not in (b"{", b"["):
        return stream
    raw = stream.read(MAX_REWRITTEN_BYTES + 1)
    stream.seek(0)
    entries = entries_in(_json(raw)) if len(raw) <= MAX_REWRITTEN_BYTES else []
    if not entries:
        return stream
    return io.BytesIO(json.dumps({"log": {"creator": {}, "entries": entries}}).encode())


def encoding_of(raw: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of `raw` tells."""
    return next((one for mark, one in _MARKED if raw.startswith(mark)), None)


def _in_utf8(stream: IO[bytes], encoding: str, name: str) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller reads it
    try:
        for piece in codecs.iterdecode(iter(lambda: stream.read(HEAD_BYTES), b""), encoding):
            copy.write(piece.encode("utf-8", "replace"))
    except UnicodeDecodeError:
        copy.close()
        raise SampleError(
            f"{name}: it begins as {encoding.upper()} and goes on otherwise; save it as UTF-8"
        ) from None
    copy.seek(0)
    return copy


def form_of(stream: IO[bytes], name: str) -> Form:
    """What `stream`, which can seek, holds; `SampleError` when it holds nothing."""
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise SampleError(f"{name}: empty; give the text of the failing call")
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
        yield from _called(har)
    elif form is Form.LINES:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield from _line(line, f"{name}: line {number}")
    else:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SampleError(f"{name}: larger than {MAX_BYTES:,} bytes; {_GIVE_LESS}")
        text, doubt = decode(raw, name)
        whole = _json(text)
        if whole is None and _SENT.search(text):
            raise SampleError(f"{name}: this is a piece of a HAR; give the response alone")
        yield Observed(name, whole if is_record(whole) else text, doubt=doubt)


def decode(raw: bytes, name: str) -> tuple[str, str]:
    """`raw` as text, and what is doubtful about that; `SampleError` when it is not text.

    A byte order mark says how it is encoded; without one it is UTF-8, else Chinese in GB 18030
    when it looks so, else Windows-1252.
    """
    text, doubt = _text(raw)
    if len(_NO_TEXT.findall(text)) > _BINARY_SHARE * len(text):
        raise SampleError(
            f"{name}: not text; give a HAR, a log line, a traceback, a curl -i dump or JSON"
        )
    return text, doubt


_GIVE_LESS: Final = "give the part that shows the failure"


def _text(raw: bytes) -> tuple[str, str]:
    encoding = encoding_of(raw) or "utf-8"
    with suppress(UnicodeDecodeError):
        return raw.decode(encoding), ""
    text = raw.decode(encoding, "replace")
    lost, others = text.count("\ufffd"), len(_NO_ASCII.findall(text))
    if encoding == "utf-8" and others < 2 * lost:
        for other in ("gb18030", "cp1252"):
            with suppress(UnicodeDecodeError):
                guessed = raw.decode(other)
                if other == "cp1252" or _is_chinese(raw, guessed):
                    return guessed, ""
    return text, f"{lost:,} characters could not be read as {encoding.upper()}; save it as UTF-8"


def _is_chinese(raw: bytes, text: str) -> bool:
    """Whether `text` is Chinese of which nearly each sign took two bytes that are no ASCII."""
    signs = len(_NO_ASCII.findall(text))
    pairs = len(_HIGH.findall(raw)) / 2
    return min(pairs, len(_CJK.findall(text))) >= _CJK_SHARE * signs


def _called(har: Har) -> Iterator[Observed]:
    for call in har:
        place = f"entry {call.number}"
        yield Observed(place, call.failure, call.path, {"host": call.host})


def _line(line: bytes, place: str) -> Iterator[Observed | SampleError]:
    if len(line) > MAX_BYTES:
        yield SampleError(f"{place}: longer than {MAX_BYTES:,} bytes; {_GIVE_LESS}")
        return
    text, doubt = _text(line)
    found = _json(text)
    if isinstance(found, dict):
        yield Observed(place, found, doubt=doubt)
    else:
        yield SampleError(f"{place}: not a JSON object; correct the line")


def _json(text: str | bytes) -> object:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None
