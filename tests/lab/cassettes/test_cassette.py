"""Tests of cassettes: what is recorded, what reaches the disk, and that it plays again."""

from __future__ import annotations

import asyncio
import gc
import gzip
import itertools
import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import httpx2
import openai
import pytest
from support.lab_calls import _PLAIN, CALLERS, HELLO, KEY, PATHS, Answer, Caller, Seen
from support.planted_secrets import ALNUM, Draw
from support.sockets import Serve, answer, read_request, response

from chatlab.errors import Verdict, classify
from chatlab.lab import Cassette, CassetteStep, FakeProvider, GoodAnswer, RecordingTransport, Script
from chatlab.lab.cassettes.chunked_sanitize import rechunk, sanitized
from chatlab.lab.faults.recorded_exchange import (
    Chunk,
    RecordedEnd,
    RecordedExchange,
    RecordedRequest,
    RecordedResponse,
)
from chatlab.lab.protocols.good_answer import ToolCall
from chatlab.lab.protocols.notation import ScriptError

RESPONSES, CHAT, MESSAGES = PATHS
CASSETTES = Path(__file__).parent / "recorded"
GOOD = {
    MESSAGES: CASSETTES / "messages.json",
    RESPONSES: CASSETTES / "responses.json",
    CHAT: CASSETTES / "chat-completions.json",
}
LIBRARIES: tuple[ModuleType, ...] = (httpx2, httpx)


@dataclass(frozen=True)
class Recorder:
    """An SDK on an HTTP client of one library or the other, which records what it hears."""

    caller: Caller
    library: ModuleType

    def __str__(self) -> str:
        return f"{self.caller}-{self.library.__name__}"

    def call(
        self,
        fake: FakeProvider,
        tape: Cassette,
        *,
        stream: bool = True,
        timeout_s: float = 5.0,
        http2: bool = False,
        now: Callable[[], float] | None = None,
    ) -> Seen:
        """Make one call without SDK retries, and read it to its end."""
        options = {"verify": _PLAIN, "trust_env": False, "http2": http2, "http1": not http2}
        clock = {} if now is None else {"now": now}
        seen = Seen()
        arguments = self.caller._arguments()
        try:
            if self.caller.is_async:
                inner = self.library.AsyncHTTPTransport(**options)
                transport = RecordingTransport(inner, tape, **clock)
                http = self.library.AsyncClient(transport=transport, timeout=timeout_s)
                asyncio.run(self._acall(fake, http, arguments, stream, seen))
            else:
                inner = self.library.HTTPTransport(**options)
                transport = RecordingTransport(inner, tape, **clock)
                with self.library.Client(transport=transport, timeout=timeout_s) as http:
                    create = self.caller._create(fake, http)
                    self.caller._read(create(**arguments, stream=stream), seen)
        except Exception as error:
            seen.error = error
        return seen

    async def _acall(
        self, fake: FakeProvider, http: Answer, arguments: dict[str, Any], stream: bool, seen: Seen
    ) -> None:
        async with http:
            found = await self.caller._create(fake, http)(**arguments, stream=stream)
            if stream:
                async for event in found:
                    self.caller._note(event, seen)
            else:
                self.caller._note_answer(found, seen)


RECORDERS = [
    Recorder(caller, library)
    for caller in CALLERS
    for library in LIBRARIES
    if caller.path != MESSAGES or library is httpx2  # the SDK takes no other
]


@dataclass(frozen=True)
class Situation:
    """What happens to a call, and how a recording of it says that it ended."""

    step: str | GoodAnswer
    how: str
    stream: bool = True
    timeout_s: float = 5.0

    def __str__(self) -> str:
        name = self.step if isinstance(self.step, str) else "success-é😀"
        return f"{name}{'' if self.stream else '-json'}"


SITUATIONS = [
    Situation(GoodAnswer(chunks=("Größe ", "😀", " ok")), "clean"),
    Situation("close-at-byte:300", "closed"),
    Situation("close-at-byte:0", "closed"),
    Situation("reset-at-byte:300", "reset"),
    Situation("clean-end-after-event:3", "clean"),
    Situation("silence-after-event:3", "timeout", timeout_s=0.2),
    Situation("in-band-error", ""),
    Situation("malformed-sse:bad-utf8", "cancelled"),
    Situation("close-before-headers", "closed"),
    Situation("reset-before-headers", "reset"),
    Situation("stall-before-headers", "timeout", timeout_s=0.2),
    Situation("success", "clean", stream=False),
    Situation("close-at-byte:40", "closed", stream=False),
    Situation("http-error:429,retry_after=7,retry_after_ms=7100", "clean"),
    Situation("http-error:529", "clean", stream=False),
    Situation("html-page", "clean"),
]


def told(verdict: Verdict) -> tuple[object, ...]:
    """Everything in a verdict that a caller acts on."""
    return (
        verdict.kind,
        verdict.retryable,
        verdict.provider,
        verdict.status_code,
        verdict.retry_after_s,
        verdict.retry_after_source,
        verdict.rule,
    )


def data_of(exchange: RecordedExchange) -> list[bytes] | None:
    """The chunks, as bytes."""
    return None if exchange.response is None else [c.data for c in exchange.response.chunks]


def only(tape: Cassette) -> RecordedExchange:
    """The one exchange of a cassette."""
    (exchange,) = tape.exchanges
    return exchange


@pytest.mark.slow
@pytest.mark.parametrize("recorder", RECORDERS, ids=str)
@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_what_was_recorded_plays_again(
    situation: Situation, recorder: Recorder, tmp_path: Path
) -> None:
    """The SDK sees the same events and exception, in the same bytes and chunks, from the disk."""
    file = tmp_path / "tape.json"
    stream, timeout_s = situation.stream, situation.timeout_s
    tape, again = Cassette(), Cassette()
    with FakeProvider([situation.step]) as fake:
        seen = recorder.call(fake, tape, stream=stream, timeout_s=timeout_s)
    tape.save(file)
    with FakeProvider([f"cassette:{file},time_factor=0"]) as fake:
        seen_again = recorder.call(fake, again, stream=stream, timeout_s=timeout_s)
    first, second = only(tape), only(again)
    assert data_of(second) == data_of(only(Cassette.load(file)))
    assert len(data_of(second) or []) == len(data_of(first) or [])
    assert (seen_again.events, seen_again.text) == (seen.events, seen.text)
    assert [type(cause) for cause in seen_again.causes] == [type(cause) for cause in seen.causes]
    assert (second.end.how, second.end.exception) == (first.end.how, first.end.exception)
    assert situation.how in ("", first.end.how)
    if seen.error is not None:
        assert told(classify(seen_again.error)) == told(classify(seen.error))


def read(
    library: ModuleType,
    is_async: bool,
    url: str,
    tape: Cassette | None,
    timeout_s: float = 5.0,
) -> tuple[list[bytes], BaseException | None]:
    """The chunks that a bare client gets, through a recorder or not, and the exception."""
    chunks: list[bytes] = []

    def call() -> None:
        inner = library.HTTPTransport(verify=_PLAIN, trust_env=False)
        transport = inner if tape is None else RecordingTransport(inner, tape)
        with (
            library.Client(transport=transport, timeout=timeout_s) as http,
            http.stream("POST", url, json={**HELLO, "stream": True}) as got,
        ):
            chunks.extend(got.iter_bytes())

    async def acall() -> None:
        inner = library.AsyncHTTPTransport(verify=_PLAIN, trust_env=False)
        transport = inner if tape is None else RecordingTransport(inner, tape)
        async with (
            library.AsyncClient(transport=transport, timeout=timeout_s) as http,
            http.stream("POST", url, json={**HELLO, "stream": True}) as got,
        ):
            async for chunk in got.aiter_bytes():
                chunks.append(chunk)

    try:
        asyncio.run(acall()) if is_async else call()
    except library.TransportError as error:
        return chunks, error
    return chunks, None


BARE = [
    pytest.param(library, is_async, id=f"{library.__name__}-{'async' if is_async else 'sync'}")
    for library in LIBRARIES
    for is_async in (False, True)
]


@pytest.mark.parametrize(("library", "is_async"), BARE)
@pytest.mark.parametrize(
    "step",
    ["close-at-byte:400", "reset-at-byte:400", "silence-after-event:2", "close-before-headers"],
)
def test_a_recorder_changes_nothing_for_the_application(
    step: str, library: ModuleType, is_async: bool
) -> None:
    """A stream that is cut gives the same chunks and the same exception as without it."""
    tape = Cassette()
    timeout_s = 0.3 if "silence" in step else 5.0
    with FakeProvider([step]) as fake:
        plain, error = read(library, is_async, fake.base_url + CHAT, None, timeout_s)
    with FakeProvider([step]) as fake:
        taped, taped_error = read(library, is_async, fake.base_url + CHAT, tape, timeout_s)
    assert len(plain) == (0 if "headers" in step else 2)
    assert taped == plain == (data_of(only(tape)) or [])
    assert error is not None
    assert taped_error is not None
    causes, taped_causes = Seen(error=error).causes, Seen(error=taped_error).causes
    assert [type(e) for e in taped_causes] == [type(e) for e in causes]
    assert str(taped_error) == str(error)


@pytest.mark.parametrize(("library", "is_async"), BARE)
def test_a_chunk_is_passed_on_before_the_next_one_is_there(
    library: ModuleType, is_async: bool, serve: Serve
) -> None:
    """The server sends the second chunk only when the application has got the first."""
    got_first = threading.Event()
    tape = Cassette()

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(response(200, b"first, ", length=13))
        if got_first.wait(5):
            connection.sendall(b"second")

    async def acall(url: str) -> list[bytes]:
        transport = RecordingTransport(library.AsyncHTTPTransport(trust_env=False), tape)
        async with (
            library.AsyncClient(transport=transport) as http,
            http.stream("POST", url) as got,
        ):
            seen = []
            async for chunk in got.aiter_raw():
                seen.append(chunk)
                got_first.set()
            return seen

    def call(url: str) -> list[bytes]:
        transport = RecordingTransport(library.HTTPTransport(trust_env=False), tape)
        with library.Client(transport=transport) as http, http.stream("POST", url) as got:
            seen = []
            for chunk in got.iter_raw():
                seen.append(chunk)
                got_first.set()
            return seen

    url = serve(handle).url
    chunks = asyncio.run(acall(url)) if is_async else call(url)
    assert chunks == data_of(only(tape)) == [b"first, ", b"second"]
    assert only(tape).end.how == "clean"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("step", "how", "h2_code"),
    [
        ("success", "clean", None),
        ("close-at-byte:300", "closed", None),
        ("reset-at-byte:300", "reset", None),
        ("rst-stream:REFUSED_STREAM", "rst-stream", 7),
        ("rst-stream:INTERNAL_ERROR,after_event=2", "rst-stream", 2),
        ("goaway:ENHANCE_YOUR_CALM,after_event=2", "goaway", 11),
    ],
)
def test_http2_has_ends_of_its_own(
    step: str, how: str, h2_code: int | None, is_async: bool, tmp_path: Path
) -> None:
    """Their codes are recorded and played; a client without HTTP/2 is told that it needs it."""
    recorder = Recorder(Caller(RESPONSES, is_async), httpx2)
    file = tmp_path / "tape.json"
    tape, again = Cassette(), Cassette()
    with FakeProvider([step]) as fake:
        seen = recorder.call(fake, tape, http2=True)
    tape.save(file)
    with FakeProvider([f"cassette:{file}"] * 2) as fake:
        seen_again = recorder.call(fake, again, http2=True)
        over_http1 = recorder.call(fake, Cassette())
    assert (only(tape).end.how, only(tape).end.h2_code) == (how, h2_code)
    assert (only(again).end.how, only(again).end.h2_code) == (how, h2_code)
    assert only(tape).http_version == (None if only(tape).response is None else "2")
    assert data_of(only(again)) == data_of(only(Cassette.load(file)))
    assert [type(e) for e in seen_again.causes] == [type(e) for e in seen.causes]
    if seen.error is not None:
        assert told(classify(seen_again.error)) == told(classify(seen.error))
    assert ("needs HTTP/2" in str(over_http1.error)) == (h2_code is not None)


@pytest.mark.slow
def test_a_client_that_leaves_is_recorded_as_one(tmp_path: Path) -> None:
    """A cancelled task, a closed stream and a dropped one each end the recording there."""
    tape = Cassette()
    file = tmp_path / "tape.json"

    async def cancel(fake: FakeProvider, tape: Cassette) -> int:
        transport = RecordingTransport(httpx2.AsyncHTTPTransport(verify=_PLAIN), tape)
        async with httpx2.AsyncClient(transport=transport) as http:
            sdk = openai.AsyncOpenAI(
                base_url=fake.openai_base_url, api_key=KEY, max_retries=0, http_client=http
            )
            events = 0

            async def consume() -> None:
                nonlocal events
                async for _ in await sdk.responses.create(model="m", input="x", stream=True):
                    events += 1

            task = asyncio.create_task(consume())
            while events < 2:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return events

    def leave(fake: FakeProvider) -> None:
        transport = RecordingTransport(httpx2.HTTPTransport(verify=_PLAIN), tape)
        with httpx2.Client(transport=transport) as http:
            sdk = openai.OpenAI(
                base_url=fake.openai_base_url, api_key=KEY, max_retries=0, http_client=http
            )
            with sdk.responses.create(model="m", input="x", stream=True) as stream:
                next(stream)
            dropped = sdk.responses.create(model="m", input="x", stream=True)
            next(dropped)
            del dropped
            gc.collect()

    with FakeProvider(["silence-after-event:2", "success", "success"]) as fake:
        assert asyncio.run(cancel(fake, tape)) == 2
        leave(fake)
    ends = [(exchange.end.how, exchange.end.exception) for exchange in tape.exchanges]
    assert ends == [("cancelled", "asyncio.CancelledError"), *[("cancelled", None)] * 2]
    assert [len(data_of(exchange) or []) for exchange in tape.exchanges] == [2, 1, 1]
    tape.save(file)
    again = Cassette()
    with FakeProvider([f"cassette:{file},time_factor=0"]) as fake:
        assert asyncio.run(cancel(fake, again)) == 2
    assert data_of(only(again)) == data_of(Cassette.load(file).exchanges[0])


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
def test_leaving_after_done_is_no_early_end(library: ModuleType) -> None:
    """The openai SDK hangs up once it has read ``[DONE]``; nothing was missing by then."""
    tape = Cassette()
    with FakeProvider(["success"]) as fake:
        seen = Recorder(Caller(CHAT, is_async=False), library).call(fake, tape)
    assert seen.text == "The answer is 42."
    assert only(tape).end.how == "clean"


def test_times_are_recorded_and_played_by_a_factor(tmp_path: Path) -> None:
    """Each delay is the recorded one times the factor; with 0 nothing waits."""
    file = tmp_path / "tape.json"
    clock = (0.5 * 2**n for n in range(20))
    tape = Cassette()
    with FakeProvider(["reset-at-byte:500"]) as fake:
        RECORDERS[0].call(fake, tape, now=lambda: next(clock))
    tape.save(file)
    recorded = only(Cassette.load(file))
    assert recorded.response is not None
    seen_s = [recorded.response.at_s, *(c.at_s for c in recorded.response.chunks)]
    assert [*seen_s, recorded.end.at_s] == [0.5, 1.5, 3.5]
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    steps = [f"cassette:{file}{factor}" for factor in ("", ",time_factor=0.1", ",time_factor=0")]
    with FakeProvider(steps, sleep=sleep) as fake:
        for _ in steps:
            RECORDERS[0].call(fake, Cassette())
    assert asked == pytest.approx([0.5, 1.0, 2.0, 0.05, 0.1, 0.2])


def test_played_time_is_real_time(tmp_path: Path) -> None:
    """Without a sleep of one's own the chunks come when they came."""
    file = tmp_path / "tape.json"
    tape, again = Cassette(), Cassette()
    with FakeProvider([GoodAnswer(headers_after_s=0.1, chunk_every_s=0.05)]) as fake:
        RECORDERS[0].call(fake, tape)
    tape.save(file)
    with FakeProvider([f"cassette:{file}"]) as fake:
        RECORDERS[0].call(fake, again)
    one, other = only(tape).response, only(again).response
    assert one is not None
    assert other is not None
    assert one.at_s >= 0.1
    assert one.last_s >= 0.25
    for chunk, played in zip(one.chunks, other.chunks, strict=True):
        assert chunk.at_s - 0.005 < played.at_s < chunk.at_s + 2


def drawn_key(seed: int = 7) -> str:
    """A key that never was one, drawn when the test runs."""
    return "sk-proj-" + Draw(seed).of(ALNUM, 40)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
def test_a_planted_key_never_reaches_the_disk(
    library: ModuleType, serve: Serve, tmp_path: Path
) -> None:
    """Not from headers, URL, password, request or response; a word of no known shape either."""
    key, word = drawn_key(), "correct-horse-battery"
    tape, file = Cassette(), tmp_path / "tape.json"
    echoed = {"error": {"message": f"Incorrect API key {key}, {word}"}}
    leaks = {"X-Echo": key, "Via": key, "Set-Cookie": f"session={key}", "Retry-After": "7"}
    server = serve(answer(response(401, echoed, leaks)))
    transport = RecordingTransport(library.HTTPTransport(verify=_PLAIN, trust_env=False), tape)
    url = server.url.replace("://", f"://someone:{key}-password@")
    headers = {"x-api-key": word, "openai-beta": key, "cookie": f"a={key}", "x-mine": key}
    body = {"model": "m", "input": [f"my key is {key}", f"or {word}"], key: 1}
    with library.Client(transport=transport) as http:
        http.post(f"{url}/v1/{key}/responses?key={key}", json=body, headers=headers)
    exchange = only(tape)
    assert exchange.response is not None
    assert key.encode() in exchange.response.content  # what was received is all there
    assert exchange.request.body == body
    tape.save(file)
    written = file.read_text(encoding="utf-8")
    assert key not in written
    assert key[12:] not in written
    assert word not in written
    loaded = only(Cassette.load(file))
    assert loaded.response is not None
    assert loaded.response.headers["retry-after"] == "7"
    assert loaded.response.length == len(loaded.response.content)
    assert loaded.request.path == "/v1/REDACTED/responses"


@pytest.mark.slow
@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_a_key_that_spans_chunks_and_events_is_removed(caller: Caller, tmp_path: Path) -> None:
    """Said bit by bit, in chunks of seven bytes, it is gone, and every chunk is still there."""
    key, file, tape = drawn_key(), tmp_path / "tape.json", Cassette()
    bits = ("Your key is ", key[:9], key[9:20], key[20:], " and é.")
    drip = {"step": "slow-drip", "bytes": 7, "every_s": 0}
    with FakeProvider({"steps": [drip], "success": {"chunks": bits}}) as fake:
        seen = Recorder(caller, httpx2).call(fake, tape)
    assert key in seen.text
    tape.save(file)
    written = file.read_text(encoding="utf-8")
    assert not any(bit in written for bit in bits[1:4])
    loaded = only(Cassette.load(file))
    before, after = data_of(only(tape)) or [], data_of(loaded) or []
    assert len(after) == len(before) > 100
    assert sum(one == other for one, other in zip(before, after, strict=True)) > len(before) / 2
    with FakeProvider([f"cassette:{file},time_factor=0"]) as fake:
        played = caller.call(fake)
    assert played.text == "Your key is sk-proj-REDACTED and é."
    assert played.events == seen.events
    if caller.path == RESPONSES:  # events that repeat the whole text say the same
        assert b"".join(after).count(b'"text":"Your key is sk-proj-REDACTED and ') == 4
    Cassette([loaded]).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("seed", range(20))
def test_wherever_the_borders_fall(seed: int) -> None:
    """No cut hides a key, none moves what is no secret, and what was cleaned stays as it is."""
    rng = random.Random(seed)
    key = drawn_key(seed)
    text = f"Before it {key} after it, Größe 😀."
    events = [
        b"event: content_block_delta\ndata: "
        + json.dumps({"type": "content_block_delta", "index": 0, "delta": {"text": bit}}).encode()
        + b"\n\n"
        for bit in cut_at_random(text, rng)
    ]
    pieces = [
        piece.encode("latin-1") for piece in cut_at_random(b"".join(events).decode("latin-1"), rng)
    ]
    record, cleaned = sanitized({"redactions": []}, pieces, [])
    assert len(cleaned) == len(pieces)
    lines = b"".join(cleaned).decode().splitlines()
    said = "".join(json.loads(x[6:])["delta"]["text"] for x in lines if x.startswith("data:"))
    assert re.fullmatch(r"Before it sk-proj-REDACTED(_2)? after it, Größe 😀\.", said)
    assert sanitized(record, cleaned, []) == (record, cleaned)
    assert list(frames(cleaned)) == list(frames(pieces))


def frames(pieces: list[bytes]) -> Iterator[bytes]:
    """What comes before each border, without what the events say."""
    for seen in itertools.accumulate(pieces):
        yield re.sub(rb'(?<="text": ")[^"]*', b"", seen)


def cut_at_random(text: str, rng: random.Random) -> list[str]:
    """`text` in eight pieces."""
    places = sorted(rng.sample(range(1, len(text)), 7))
    return [text[i:j] for i, j in itertools.pairwise([0, *places, len(text)])]


@pytest.mark.parametrize(
    ("before", "after", "ends", "expected"),
    [
        ("ab\ncd\n", "ab\ncd\n", [1, 4, 6], ["a", "b\nc", "d\n"]),
        ("x SECRET y", "x R y", [2, 8, 10], ["x ", "R", " y"]),
        ("x SECRET y", "x REDACTED y", [5, 10], ["x REDA", "CTED y"]),
        ("SECRET", "R", [1, 2, 3, 6], ["", "", "", "R"]),
        ("a SECRET\nover\nlines b", "a R b", [2, 19, 21], ["a ", "R", " b"]),
        ("end SECRET", "end R", [4, 10], ["end ", "R"]),
        ("end SECRET", "end", [4, 10], ["end", ""]),
        ("", "", [0, 0], ["", ""]),
        ("", "", [], []),
    ],
)
def test_a_text_is_cut_where_the_old_one_was(
    before: str, after: str, ends: list[int], expected: list[str]
) -> None:
    """Equal parts keep their borders; a placeholder is cut in proportion."""
    assert rechunk(before, after, ends) == expected


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
def test_a_compressed_body_is_recorded_as_it_was_read(
    library: ModuleType, is_async: bool, serve: Serve, tmp_path: Path
) -> None:
    """So it can be searched; a body in an unknown encoding cannot, and is not kept."""
    key, file, tape = drawn_key(), tmp_path / "tape.json", Cassette()
    packed = gzip.compress(f"the key is {key}".encode())
    known = serve(answer(response(200, packed, {"Content-Encoding": "gzip"})))
    unknown = serve(answer(response(200, key.encode(), {"Content-Encoding": "mystery"})))
    assert read(library, is_async, f"{known.url}/x", tape) == ([f"the key is {key}".encode()], None)
    assert read(library, is_async, f"{unknown.url}/x", tape) == ([key.encode()], None)
    tape.save(file)
    first, second = Cassette.load(file).exchanges
    assert data_of(first) == [b"the key is sk-proj-REDACTED"]
    assert data_of(second) == []


def test_every_attempt_is_an_exchange_in_the_order_of_the_requests() -> None:
    """The SDK's own retries are recorded too, with its count; concurrent calls mix nothing up."""
    tape = Cassette()
    transport = RecordingTransport(httpx2.HTTPTransport(verify=_PLAIN), tape)
    steps = ["http-error:500,retry_after_ms=1", "success"]
    with FakeProvider(steps) as fake, httpx2.Client(transport=transport) as http:
        sdk = openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY, http_client=http)
        sdk.responses.create(model="m", input="x")
    assert [e.response.status for e in tape.exchanges if e.response] == [500, 200]
    counts = [e.request.headers["x-stainless-retry-count"] for e in tape.exchanges]
    assert counts == ["0", "1"]

    async def many(fake: FakeProvider, tape: Cassette) -> None:
        transport = RecordingTransport(httpx2.AsyncHTTPTransport(verify=_PLAIN), tape)
        async with httpx2.AsyncClient(transport=transport) as http:
            url = fake.base_url + CHAT
            asked = (http.post(url, json={**HELLO, "stream": True, "n": n}) for n in range(20))
            answers = await asyncio.gather(*asked)
        for exchange, got in zip(tape.exchanges, answers, strict=True):
            assert exchange.response is not None
            assert exchange.response.content == got.content

    tape = Cassette()
    with FakeProvider(Script.parse({"steps": [], "after": "success"})) as fake:
        asyncio.run(many(fake, tape))
    assert [e.request.body for e in tape.exchanges] == [
        {**HELLO, "stream": True, "n": n} for n in range(20)
    ]


def test_a_refused_connection_is_recorded_but_no_server_can_play_it(
    closed_port: int, tmp_path: Path
) -> None:
    """The cassette says how it ended; a script is told to take the fault instead."""
    file, tape = tmp_path / "tape.json", Cassette()
    read(httpx2, False, f"http://127.0.0.1:{closed_port}{CHAT}", tape)
    end = only(tape).end
    assert (end.how, end.exception, only(tape).response) == ("failed", "httpx2.ConnectError", None)
    tape.save(file)
    with pytest.raises(ScriptError, match=r"ended with httpx2.ConnectError, which no server can"):
        FakeProvider([f"cassette:{file}"])


def test_a_cassette_reads_well_and_keeps_every_byte(tmp_path: Path) -> None:
    """Text is text, one line for each chunk; only what is no UTF-8 is base64."""
    chunks = (Chunk.of("data: é\n\n".encode(), 0.25), Chunk.of(b"\xff\x00", 0.5))
    exchange = RecordedExchange(
        RecordedRequest("POST", CHAT, {"accept": "*/*"}, {"model": "m", "stream": True}),
        RecordedResponse(200, 0.125, {"content-type": "text/event-stream"}, None, chunks),
        RecordedEnd("reset", 0.75, "httpx2.ReadError"),
    )
    tape, file = Cassette([exchange]), tmp_path / "new" / "tape.json"
    tape.save(file)
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    assert '"text": "data: é\\n\\n"' in lines
    assert '"base64": "/wA="' in lines
    assert '"version": 1,' in lines
    assert '"how": "reset",' in lines
    assert Cassette.load(file).exchanges == (exchange,)
    shown = "POST /v1/chat/completions: 200, 2 chunks, 12 bytes, reset after 0.750 s"
    assert repr(Cassette.load(file)) == f"{shown} (httpx2.ReadError)"
    assert repr(Cassette()) == "an empty cassette"


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be searched is not written, and says which exchange it was."""
    file = tmp_path / "tape.json"
    Cassette().save(file)
    old = file.read_bytes()
    deep: object = "x"
    for _ in range(900):
        deep = [deep]
    tape = Cassette(
        [RecordedExchange(RecordedRequest("POST", CHAT, body=deep), end=RecordedEnd("closed"))],
    )
    with pytest.raises(ScriptError, match=r"tape.json: exchanges\[0\]: not written, for it cannot"):
        tape.save(file)
    assert file.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["tape.json"]


def changed(path: str, value: object) -> str:
    """A good cassette's text with one value changed, or taken out for None."""
    record = json.loads(GOOD[CHAT].read_text(encoding="utf-8"))
    *above, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place = record
    for part in above:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("", "the file is not valid JSON (Expecting value: line 1 column 1"),
        ('{"format": ', "the file is not valid JSON (Expecting value: line 1"),
        ("[" * 100_000, "recursion"),
        ("[]", 'this is not a cassette: "format" is not "chatlab cassette"'),
        (("version", 2), "version is 2, and this chatlab reads 1; update chatlab"),
        (("version", "x"), "version is 'x', and this chatlab reads 1; record"),
        (("exchanges", {}), "exchanges must be a list"),
        (("exchanges.0", 7), "exchanges[0] is not an object"),
        (("exchanges.0.request", None), "exchanges[0]: request: '' '' must be a method"),
        (("exchanges.0.request.path", "x"), "exchanges[0]: request: 'POST' 'x' must be"),
        (("exchanges.0.end", None), "exchanges[0]: recorded-end: how is ''; choose one"),
        (("exchanges.1.end.how", "cleen"), "exchanges[1]: recorded-end: how is 'cleen'"),
        (("exchanges.1.end.how", "cleen"), 'did you mean "clean"?'),
        (
            ("exchanges.0.response", None),
            "exchanges[0]: response is missing; an exchange that ended clean",
        ),
        (("exchanges.0.end.at_s", 0), "exchanges[0]: end: at_s is 0.0; it must be"),
        (("exchanges.0.response.status", 42), "status is 42; it must be a number, from 100"),
        (("exchanges.0.response.status", "200"), "status is '200'; it must be of type int"),
        (("exchanges.0.response.chunks.2.at_s", 9), "chunks[3]: at_s is"),
        (("exchanges.0.response.chunks.2.at_s", "9"), "chunks[2]: at_s is '9'; it must be"),
        (("exchanges.0.response.chunks.2.txt", "x"), 'no field "txt"; did you mean "text"?'),
        (("exchanges.0.response.chunks.2.text", None), "needs either text or base64"),
        (("exchanges.0.response.chunks.2.base64", "/w=="), "needs either text or base64"),
        (("exchanges.0.response.chunks.2", {"base64": "/"}), "has wrong base64"),
    ],
)
def test_a_wrong_cassette_is_told_in_one_line(
    wrong: str | tuple[str, object], expected: str, tmp_path: Path
) -> None:
    """The line begins with the file, then says where, what is wrong and what to do."""
    file = tmp_path / "wrong.json"
    text = wrong if isinstance(wrong, str) else changed(*wrong)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError) as told:
        Cassette.load(file)
    assert str(told.value).startswith(f"{file}: ")
    assert expected in str(told.value)
    assert "\n" not in str(told.value)


def test_a_step_names_its_cassette() -> None:
    """A script writes it as short text or as an object; what it cannot play it says at once."""
    good = GOOD[MESSAGES]
    script = Script.parse([f"cassette:{good},exchange=1,time_factor=0.5"])
    assert script.steps == (CassetteStep(str(good), 1, 0.5),)
    assert Script.parse(script.to_json()) == script
    near = good.with_name("mesages.json")
    for wrong, expected in {
        f"cassette:{near}": f'{near}: no such file; did you mean "messages.json"?',
        f"cassette:{good},exchange=2": "the cassette has 2 exchange(s); the last is exchange=1",
        f"cassette:{good},exchange=-1": "cassette: exchange is -1; it must be a number, 0 or more",
        f"cassette:{good},exchang=1": 'no field "exchang"; did you mean "exchange"?',
    }.items():
        with pytest.raises(ScriptError) as told:
            FakeProvider([wrong])
        assert expected in str(told.value)


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_a_cassette_of_another_call_is_not_played(caller: Caller) -> None:
    """Another endpoint, or JSON where a stream was recorded: the reply says so, once."""
    other = PATHS[PATHS.index(caller.path) - 1]
    with FakeProvider([f"cassette:{GOOD[other]}", f"cassette:{GOOD[caller.path]}"]) as fake:
        wrong_path = caller.call(fake)
        wrong_kind = caller.call(fake, stream=False)
    assert f"was recorded on {other}, not on {caller.path}" in str(wrong_path.error)
    assert "was recorded with stream=True; call it so" in str(wrong_kind.error)


def good_steps() -> Iterator[GoodAnswer]:
    """What the good streams under tests/cassettes say."""
    yield GoodAnswer()
    call = ToolCall("look_up", {"page": 7, "word": "Größe"})
    yield GoodAnswer(reasoning="Six times seven is 42.", tool_calls=(call,))


def record_good(path: str) -> Cassette:
    """The good streams of one endpoint; a clock that ticks makes them the same every time."""
    ticks = itertools.count()
    tape = Cassette()
    recorder = Recorder(Caller(path, is_async=True), httpx2)
    with FakeProvider(list(good_steps())) as fake:
        for _ in good_steps():
            recorder.call(fake, tape, now=lambda: next(ticks) / 1000)
    return tape


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.rpartition("/")[2])
def test_the_good_cassettes_are_what_the_provider_says_today(path: str, tmp_path: Path) -> None:
    """When they are not, ``python tests/test_cassette.py`` records them again."""
    record_good(path).save(tmp_path / "tape.json")
    now, kept = Cassette.load(tmp_path / "tape.json"), Cassette.load(GOOD[path])
    # what was asked depends on the SDK's version, what was answered does not
    assert [(e.response, e.end) for e in now.exchanges] == [
        (e.response, e.end) for e in kept.exchanges
    ]


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_the_good_cassettes_play(caller: Caller) -> None:
    """Through the SDKs they are whole answers."""
    steps = [f"cassette:{GOOD[caller.path]},exchange={n},time_factor=0" for n in range(2)]
    with FakeProvider(list(good_steps())) as fake:
        live = [caller.call(fake) for _ in steps]
    with FakeProvider(steps) as fake:
        played = [caller.call(fake) for _ in steps]
    assert [(seen.text, seen.events, seen.error) for seen in played] == [
        (seen.text, seen.events, seen.error) for seen in live
    ]
    assert played[0].text == "The answer is 42."


if __name__ == "__main__":
    for path, file in GOOD.items():
        record_good(path).save(file)
