"""Tests of HTTP/2, with prior knowledge and negotiated over TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx2
import openai
import pytest
from support.lab_calls import CALLERS, HELLO, KEY, PATHS, TERMINAL, Caller

from chatlab.lab import FAULTS, FakeProvider, GoodAnswer, Script
from chatlab.lab.faults.vocabulary import H2_CODES
from chatlab.lab.provider.http2 import PREFACE

CHAT = PATHS[1]
SETTINGS_OF_A_WRONG_SIZE = b"\x00\x00\x02\x04\x00\x00\x00\x00\x00ab"
SAYS = "The answer is 42."


@pytest.mark.parametrize("tls", [False, True], ids=["prior-knowledge", "tls"])
@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_the_sdks_speak_http2_with_the_provider(caller: Caller, tls: bool) -> None:
    """Streams and whole answers arrive, and the record says which version was spoken."""
    with FakeProvider(Script(after="success"), tls=tls) as fake:
        streamed = caller.call(fake, http2=True)
        whole = caller.call(fake, http2=True, stream=False)
    assert (streamed.error, whole.error) == (None, None)
    assert (streamed.text, whole.text) == (SAYS, SAYS)
    assert streamed.events[-1] == TERMINAL[caller.path]
    assert [request.http_version for request in fake.requests] == ["2", "2"]


def test_tls_serves_http1_to_clients_that_ask_for_it() -> None:
    """The client chooses; its context trusts this provider and nobody else."""
    with FakeProvider(Script(after="success"), tls=True) as fake:
        assert fake.base_url.startswith("https://127.0.0.1:")
        assert CALLERS[0].call(fake).text == SAYS
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.post(fake.base_url + CHAT, json={}, verify=ssl.create_default_context())
    assert [request.http_version for request in fake.requests] == ["1.1"]


@pytest.mark.parametrize(
    "fault",
    [
        "reset-before-headers",
        "close-before-headers",
        "close-at-byte:800",
        "reset-at-byte:800",
        "clean-end-at-byte:800",
        "html-page",
        "refuse-connection",
    ],
)
def test_faults_of_the_connection_happen_over_tls_too(fault: str) -> None:
    """The fault is met once, and the next attempt is good."""
    caller = CALLERS[4]
    with FakeProvider([fault, "success"], tls=True) as fake:
        seen = caller.call(fake, http2=True)
        again = caller.call(fake, http2=True)
    assert seen.text != SAYS
    assert (seen.error is None) is fault.startswith("clean-end")
    assert (again.text, again.error) == (SAYS, None)


@pytest.mark.parametrize("code", H2_CODES)
def test_the_code_of_a_stream_reset_reaches_the_client(code: str) -> None:
    """Every code, as sent by the peer."""
    with FakeProvider([f"rst-stream:{code}"]) as fake:
        seen = CALLERS[4].call(fake, http2=True)
    told = " ".join(str(cause) for cause in seen.causes)
    assert f"error_code:{H2_CODES.index(code)}, remote_reset:True" in told


def test_the_code_of_a_goaway_reaches_the_client_and_its_stream_counts_as_taken() -> None:
    """The client may not repeat the request by itself, so one call is one attempt."""
    with FakeProvider(["goaway:ENHANCE_YOUR_CALM", "success"]) as fake:
        seen = CALLERS[0].call(fake, http2=True)
        assert fake.attempts == 1
    told = " ".join(str(cause) for cause in seen.causes)
    assert "ConnectionTerminated error_code:11, last_stream_id:1" in told


def test_a_reset_of_the_connection_takes_the_same_bytes_each_time() -> None:
    """What came before the reset has always arrived."""
    for _ in range(10):
        with FakeProvider(["reset-at-byte:800"]) as fake:
            seen = CALLERS[4].call(fake, http2=True)
        assert seen.text == "The answer"
        assert seen.caused_by(ConnectionResetError)


def test_a_stream_reset_leaves_the_other_streams_of_its_connection_alone() -> None:
    """One client, one connection, three calls at once: only the faulty one fails."""

    async def main(fake: FakeProvider) -> list[object]:
        async with (
            httpx2.AsyncClient(http2=True, http1=False, trust_env=False) as http,
            openai.AsyncOpenAI(
                base_url=fake.openai_base_url, api_key=KEY, max_retries=0, http_client=http
            ) as sdk,
        ):
            await sdk.responses.create(model="m", input="first, so that there is a connection")
            calls = [sdk.responses.create(model="m", input="x") for _ in range(3)]
            return list(await asyncio.gather(*calls, return_exceptions=True))

    with FakeProvider(["success", "success", "rst-stream", "success"]) as fake:
        results = asyncio.run(main(fake))
    failed = [result for result in results if isinstance(result, openai.APIConnectionError)]
    good = [result for result in results if isinstance(result, openai.types.responses.Response)]
    assert (len(failed), len(good)) == (1, 2)


def test_a_body_larger_than_the_windows_arrives_whole() -> None:
    """Flow control holds the provider back until the client has read."""
    text = "0123456789 " * 20_000

    async def main(fake: FakeProvider) -> list[int]:
        async with httpx2.AsyncClient(http2=True, http1=False, trust_env=False) as http:
            body = {**HELLO, "model": "m", "stream": True}
            posts = [http.post(fake.base_url + CHAT, json=body) for _ in range(3)]
            return [answer.text.count("0123456789") for answer in await asyncio.gather(*posts)]

    success = GoodAnswer(chunks=tuple(text[i : i + 1100] for i in range(0, len(text), 1100)))
    with FakeProvider(Script(after="success", success=success)) as fake:
        assert asyncio.run(main(fake)) == [20_000] * 3


def test_a_client_that_gives_up_one_stream_keeps_its_connection() -> None:
    """A stalled reply is dropped when its stream is reset by the client."""

    async def main(fake: FakeProvider) -> str:
        async with httpx2.AsyncClient(http2=True, http1=False, trust_env=False) as http:
            url = fake.base_url + CHAT
            body = {**HELLO, "model": "m", "stream": True}
            async with http.stream("POST", url, json=body) as answer:
                async for _ in answer.aiter_bytes():
                    break
            return (await http.post(url, json=body)).text

    with FakeProvider(["silence-after-event:2", "success"]) as fake:
        assert asyncio.run(main(fake)).endswith("data: [DONE]\n\n")


def test_bytes_that_are_no_frames_do_the_provider_no_harm() -> None:
    """The connection is ended by a GOAWAY, and the next one is served."""
    with FakeProvider("success") as fake:
        address = ("127.0.0.1", int(fake.base_url.rpartition(":")[2]))
        with socket.create_connection(address, timeout=5) as raw:
            raw.sendall(PREFACE + SETTINGS_OF_A_WRONG_SIZE)
            heard = b""
            while data := raw.recv(65536):
                heard += data
        assert heard[-17:-8] == b"\x00\x00\x08\x07\x00\x00\x00\x00\x00"
        assert CALLERS[0].call(fake, http2=True).error is None


def test_the_http2_faults_are_those_that_name_it() -> None:
    """Only they need an HTTP/2 client."""
    assert {name for name, fault in FAULTS.items() if fault.http2_only} == {
        "rst-stream",
        "goaway",
        "short-body",
    }
