"""The failed calls in a HAR file of any size: one entry in memory at a time.

A HAR also holds what was sent: keys, cookies, prompts. Of each entry only the response's status,
headers and body are read, the path's last words, and from the host who answered.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import IO, Any, BinaryIO, Final
from urllib.parse import urlsplit

from chatlab.corpus.sample import SampleError
from chatlab.errors import Failure
from chatlab.errors.reading.fields import parsed
from chatlab.errors.reading.signals import lower_headers
from chatlab.errors.reading.text.streams import is_event_stream
from chatlab.errors.reading.who_answered import provider_in
from chatlab.exceptions import MissingExtra

HEAD_BYTES: Final = 64 * 1024
_SCALAR: Final = rb'(?:"(?:[^"\\]|\\.)*+"|[^\s\[\]{}",]++)'
_HEAD: Final = re.compile(
    rb'(?<!\s)\s*+\{(?:\s*+"[^"]*+"\s*+:\s*+' + _SCALAR + rb'\s*+,)*+\s*+"log"\s*:\s*\{', re.DOTALL
)
_MARKS: Final = (b'"entries"', b'"creator"', b'"pages"')
_BOM: Final = b"\xef\xbb\xbf"
_ENTRIES: Final = "log.entries.item"
_MAX_DEPTH: Final = 100
_ENTRY_DEPTH: Final = 8
_MAX_STATUS: Final = 999
_OVERFLOW: Final = "overflow"
_PUBLIC_HOSTS: Final = (
    *("api.openai.com", "chatgpt.com", "api.anthropic.com", "openrouter.ai", "api.groq.com"),
    *("api.mistral.ai", "api.deepseek.com", "api.x.ai", "api.together.xyz", "api.cohere.com"),
    *("api.fireworks.ai", "api.cerebras.ai", "api.perplexity.ai", "ai-gateway.vercel.sh"),
    *("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
)
_PUBLIC_FAMILY: Final = re.compile(
    r"(?:[a-z0-9-]{1,63}-)?aiplatform\.googleapis\.com|bedrock-runtime(?:-fips)?\.[a-z0-9-]{1,63}\.amazonaws\.com"
)
_TENANTS: Final = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_MODEL_STREAM: Final = re.compile(
    r'"chat\.completion\.chunk"|"type"\s*:\s*"(?:message_start|response\.created)"'
)
_STREAM_ERROR: Final = re.compile(
    r'^event:\s*error|"type"\s*:\s*"(?:error|response\.failed)"|"error"\s*:\s*[{"]', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A failed call of a HAR. number: of its entry, from 1. path: of its address.

    host: whom it went to; a private name is ``REDACTED``, alone or before a public ending.
    """

    number: int
    failure: Failure
    path: str
    host: str


class Har:
    """The failed calls of a HAR, in order; `entries`, `silent` and `odd` count as they are read.

    silent: entries without a response that do not say why, from which nothing can be learned.
    odd: entries with a status that is none of HTTP. Both are left out. `stream` can seek.
    Iterating raises `SampleError` where the file is broken, and `ModuleNotFoundError`, which says
    what to install, without the streaming parser of the extra ``har``.
    """

    def __init__(self, stream: BinaryIO | IO[bytes], name: str) -> None:
        self.name: Final = name
        self.entries = 0
        self.silent = 0
        self.odd = 0
        self._stream: Final = stream

    def __iter__(self) -> Iterator[FailedCall]:
        ijson = _library("ijson")
        self.entries = self.silent = self.odd = 0
        try:
            yield from self._calls(ijson)
        except ijson.JSONError as error:
            if _OVERFLOW not in str(error):
                raise self._broken(error) from None
            slow = ijson.get_backend("python")  # which knows numbers of any length
            try:
                yield from self._calls(slow)
            except ijson.JSONError as problem:
                raise self._broken(problem) from None

    def _calls(self, parser: Any) -> Iterator[FailedCall]:  # noqa: ANN401 - without types
        """The failed calls behind those entries that were counted already."""
        self._stream.seek(0)
        if self._stream.read(len(_BOM)) != _BOM:
            self._stream.seek(0)
        events = self._shallow(parser.basic_parse(self._stream, use_float=True))
        entries = _library("ijson").items(_library("ijson").parse(events), _ENTRIES)
        for entry in islice(entries, self.entries, None):
            self.entries += 1
            call = self._failed(entry) if isinstance(entry, Mapping) else None
            if call is not None:
                yield call

    def _broken(self, error: Exception) -> SampleError:
        reason = str(error).strip().removeprefix("b'").partition("\n")[0].partition("\\n")[0]
        return SampleError(
            f"{self.name}: the HAR is broken after entry {self.entries} ({reason}); export it again"
        )

    def _shallow(self, events: Iterator[tuple[str, object]]) -> Iterator[tuple[str, object]]:
        """`events`, of which no more are nested than in any HAR: the parser's memory is bounded."""
        depth = 0
        for event in events:
            if event[0] in ("start_map", "start_array"):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise SampleError(
                        f"{self.name}: nested too deeply after entry {self.entries} for a HAR"
                    )
            elif event[0] in ("end_map", "end_array"):
                depth -= 1
            yield event

    def _failed(self, entry: Mapping[str, object]) -> FailedCall | None:
        response = _mapping(entry.get("response"))
        status = response.get("status")
        status = status if isinstance(status, int) and not isinstance(status, bool) else 0
        host, path = _address(_mapping(entry.get("request")).get("url"))
        provider = provider_in(host)
        if status > _MAX_STATUS:
            self.odd += 1
            return None
        if status <= 0:
            said = entry.get("_error") or response.get("_error") or response.get("statusText")
            if not isinstance(said, str) or not said.strip():
                self.silent += 1
                return None
            failure = Failure(text=said, provider=provider)
        else:
            text = _text(_mapping(response.get("content")))
            headers = _headers(response.get("headers"))
            if status < 400 and not (status == 200 and is_error_answer(text, headers)):
                return None
            body = parsed(text) or None
            failure = Failure(status=status, headers=headers, body=body, provider=provider)
        return FailedCall(self.entries, failure, path, public_host(host))


def is_har(head: bytes) -> bool:
    """Whether a file that begins with `head` is a HAR."""
    head = head.removeprefix(_BOM)
    return _HEAD.match(head) is not None and any(mark in head[:HEAD_BYTES] for mark in _MARKS)


def entries_in(value: object, depth: int = _ENTRY_DEPTH) -> list[object]:
    """The entries of a HAR in `value`, decoded JSON: what holds a request and a response."""
    if isinstance(value, Mapping):
        if all(isinstance(value.get(name), Mapping) for name in ("request", "response")):
            return [value]
        value = list(value.values())
    if not isinstance(value, list) or not depth:
        return []
    return [entry for one in value for entry in entries_in(one, depth - 1)]


@contextmanager
def with_progress(stream: BinaryIO | IO[bytes], name: str, size: int) -> Iterator[IO[bytes]]:
    """`stream`, whose reading shows as a bar on standard error when that is a terminal."""
    tqdm = _library("tqdm").tqdm
    shown = {"desc": name, "total": size, "leave": False, "disable": None, "file": sys.stderr}
    with tqdm.wrapattr(stream, "read", **shown) as wrapped:
        yield wrapped


def is_error_answer(text: str, headers: Mapping[str, object]) -> bool:
    """Whether the `text` of an answer with status 200 holds an error, or is a stream cut short.

    A stream counts as cut only when it is a model's: others need no last event.
    """
    opening = text[:6].lstrip()
    if is_event_stream(text):
        if _STREAM_ERROR.search(text):
            return True
        cut = "sign:stream-cut" in Failure(body=text).signals.terms
        return cut and _MODEL_STREAM.search(text) is not None
    body = parsed(text) if opening.startswith(("{", "[")) else None
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, Mapping):
        return False
    error = first.get("error")
    return first.get("type") == "error" or (isinstance(error, Mapping | str) and bool(error))


def public_host(host: str) -> str:
    """`host` as far as it names a public service; the rest, which names somebody, is left out."""
    if host in _PUBLIC_HOSTS or _PUBLIC_FAMILY.fullmatch(host):
        return host
    ending = next((ending for ending in _TENANTS if host.endswith(ending)), "")
    return f"REDACTED{ending}"


def _library(name: str) -> Any:  # noqa: ANN401 - a library without types
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise MissingExtra("reading a HAR", name, extra="har") from None


def _address(url: object) -> tuple[str, str]:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        return (parts.hostname or "").lower(), parts.path
    except ValueError:
        return "", ""


def _text(content: Mapping[str, object]) -> str:
    text = content.get("text")
    if not isinstance(text, str):
        return ""
    if content.get("encoding") != "base64":
        return text
    try:
        return b64decode(text).decode("utf-8", "replace")
    except ValueError:
        return text


def _headers(pairs: object) -> dict[str, str]:
    listed = pairs if isinstance(pairs, list) else []
    named = [(one.get("name"), one.get("value")) for one in listed if isinstance(one, Mapping)]
    return lower_headers(named)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
