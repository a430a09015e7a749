"""Tests of the provider's life: start, concurrent calls, clients that leave, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time

import anthropic
import httpx2
import openai
import pytest
from support.lab_calls import CALLERS, HELLO, KEY, PATHS, Caller

import chatlab.lab
from chatlab.lab import FakeProvider, Script

CHAT = PATHS[1]
SAYS = "The answer is 42."


def port_of(provider: FakeProvider) -> int:
    """Return the provider's port."""
    return int(provider.base_url.rpartition(":")[2])


def open_sockets() -> set[int]:
    """Return the descriptors of this process that are sockets."""
    gc.collect()
    found = set()
    for number in range(512):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found.add(number)
    return found


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_a_key_is_not_needed_and_not_kept(caller: Caller) -> None:
    """What the SDK sends as its key is in no record."""
    with FakeProvider("success") as fake:
        assert caller.call(fake).text == SAYS
    (kept,) = fake.requests
    assert KEY not in repr(kept)
    assert "REDACTED" in {kept.headers.get("authorization"), kept.headers.get("x-api-key")}
    assert kept.body["model"] in ("gpt-5", "claude")
    assert (kept.attempt, kept.met, kept.stream) == (0, "success", True)


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_closing_leaves_no_socket_no_thread_and_a_free_port(http2: bool, tls: bool) -> None:
    """Even with replies that stall, a slow one, and clients that are still connected."""
    before_threads, before_sockets = set(threading.enumerate()), open_sockets()
    options = {"http2": http2, "http1": not http2 or tls, "trust_env": False, "timeout": 0.1}
    steps = ["stall-before-headers", "silence-after-event:2", "slow-drip:every_s=60", "success"]
    with FakeProvider(steps, tls=tls) as fake:
        number = port_of(fake)
        with httpx2.Client(**options, verify=fake.ssl_context or True) as http:  # type: ignore[arg-type]
            url = fake.base_url + CHAT
            for _ in range(3):
                with pytest.raises(httpx2.ReadTimeout):
                    http.post(url, json={**HELLO, "stream": True})
            assert http.post(url, json=HELLO, timeout=5).status_code == 200
            closing = time.monotonic()
            fake.close()
            assert time.monotonic() - closing < 2
    assert set(threading.enumerate()) == before_threads
    assert open_sockets() == before_sockets
    with FakeProvider("success", port=number) as again:
        assert port_of(again) == number
        assert CALLERS[0].call(again).text == SAYS


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("sent", [b"", b"P", b"\x16\x03\x01"], ids=["nothing", "http", "hello"])
def test_closing_drops_connections_that_have_not_said_much(
    tls: bool, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection in the middle of its handshake leaves no socket and no log line."""
    before = open_sockets()
    for pause_s in (0.0, 0.0, 0.01):
        with FakeProvider("success", tls=tls) as fake:
            client = socket.create_connection(("127.0.0.1", port_of(fake)))
            client.sendall(sent)
            time.sleep(pause_s)
        client.close()
    assert open_sockets() == before
    assert caplog.records == []


def test_a_program_that_uses_a_provider_ends_without_a_warning() -> None:
    """With every warning an error, stalled replies and open clients leave no trace at the end."""
    program = """
        import asyncio, gc, threading
        import httpx2
        from chatlab.lab import FakeProvider

        async def main():
            steps = ["stall-before-headers", "refuse-connection", "reset-at-byte:10"]
            async with httpx2.AsyncClient(timeout=0.1) as http:
                async with FakeProvider([*steps, "stall-before-content"], validate=False) as fake:
                    url = fake.base_url + "/v1/messages"
                    for _ in steps:
                        try:
                            await http.post(url, json={"stream": True})
                        except httpx2.TransportError as error:
                            print(type(error).__name__)
                    waiting = asyncio.create_task(http.post(url, json={}, timeout=30))
                    while fake.attempts < 4:
                        await asyncio.sleep(0.01)
                try:
                    await waiting
                except httpx2.TransportError:
                    print("ended")

        asyncio.run(main())
        gc.collect()
        print(threading.active_count())
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["ReadTimeout", "ConnectError", "ReadError", "ended", "1"]


def test_a_provider_plays_its_script_once() -> None:
    """A second start, use before the start, and use after the end are told as what they are."""
    fake = FakeProvider("success")
    with pytest.raises(RuntimeError, match="has not started; use it in a with statement"):
        fake.openai_base_url  # noqa: B018
    with fake:
        with pytest.raises(RuntimeError, match="is running; make a new one"):
            fake.start()
        assert fake.openai_base_url == f"{fake.anthropic_base_url}/v1"
    with pytest.raises(RuntimeError, match="is closed; make a new one"):
        fake.start()
    with pytest.raises(RuntimeError, match="is closed; read what arrived in"):
        fake.anthropic_base_url  # noqa: B018
    fake.close()
    assert fake.requests == ()


def test_a_provider_that_was_never_started_can_be_closed() -> None:
    """Closing is always allowed."""
    FakeProvider("success").close()


def test_a_port_in_use_is_told_and_the_first_provider_goes_on() -> None:
    """The error names the port; nothing of the second provider stays."""
    threads = threading.active_count()
    with FakeProvider("success") as fake:
        with pytest.raises(OSError, match=f"port {port_of(fake)} on 127.0.0.1 is in use") as error:
            FakeProvider("success", port=port_of(fake)).start()
        assert error.value.errno == errno.EADDRINUSE
        assert threading.active_count() == threads + 1
        assert CALLERS[0].call(fake).text == SAYS


def test_it_listens_on_the_loopback_only() -> None:
    """Another address of this machine does not reach it."""
    with FakeProvider("success") as fake, pytest.raises(OSError, match=r"\w"):
        socket.create_connection(("127.0.0.2", port_of(fake)), timeout=5)


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_refused_connections_are_exactly_as_many_as_the_script_says(http2: bool) -> None:
    """One client with a pool: every attempt meets its own step, the refused ones in between."""
    steps = ["success:1", "refuse-connection", "refuse-connection", "success:2"]
    steps += ["stall-before-headers", "refuse-connection", "success:3"]
    heard: list[str] = []
    with (
        FakeProvider(steps) as fake,
        httpx2.Client(http2=http2, http1=not http2, timeout=0.2, trust_env=False) as http,
        openai.OpenAI(
            base_url=fake.openai_base_url, api_key=KEY, max_retries=0, http_client=http
        ) as sdk,
    ):
        for attempt in range(len(steps)):
            assert fake.attempts == attempt
            try:
                heard.append(sdk.responses.create(model="m", input="x").output_text)
            except openai.APITimeoutError:
                heard.append("timeout")
            except openai.APIConnectionError as error:
                heard.append(type(error.__cause__).__name__)
        assert heard == ["1", *["ConnectError"] * 2, "2", "timeout", "ConnectError", "3"]
        assert [r.attempt for r in fake.requests] == [0, 3, 4, 6]
        with pytest.raises(openai.BadRequestError, match="7 steps and this is attempt 8"):
            sdk.responses.create(model="m", input="x")


def test_for_other_processes_the_port_is_closed_for_a_while() -> None:
    """With ``closed_s`` the step is used up by time, through ``sleep``, not by connects."""
    opened = threading.Event()
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        while not opened.is_set():
            await asyncio.sleep(0.005)

    with FakeProvider(["refuse-connection:closed_s=30", "success"], sleep=sleep) as fake:
        for _ in range(3):
            assert CALLERS[0].call(fake).caused_by(ConnectionRefusedError)
        assert fake.attempts == 0
        opened.set()
        while fake.attempts == 0:
            time.sleep(0.005)
        assert CALLERS[0].call(fake).text == SAYS
    assert asked == [30.0]


def test_a_request_on_an_old_connection_does_not_get_past_a_refusal() -> None:
    """Two connections are open when the port closes: the second one's next request is reset."""
    with FakeProvider(["success", "success", "refuse-connection", "success"]) as fake:
        with httpx2.Client(trust_env=False) as one, httpx2.Client(trust_env=False) as two:
            url = fake.base_url + CHAT
            assert one.post(url, json=HELLO).status_code == 200
            assert two.post(url, json=HELLO).headers["connection"] == "close"
            with pytest.raises(httpx2.TransportError):
                one.post(url, json=HELLO)
            assert two.post(url, json=HELLO).status_code == 200
        assert fake.attempts == 4


def test_a_client_that_leaves_does_no_harm() -> None:
    """Clients disconnect while they are sent events, and the next attempt is served."""
    steps = ["slow-drip:bytes=8,every_s=0.001"] * 5 + ["success"]
    with FakeProvider(steps) as fake:
        for _ in range(5):
            with (
                httpx2.Client(trust_env=False) as http,
                http.stream("POST", fake.base_url + CHAT, json={**HELLO, "stream": True}) as answer,
            ):
                next(answer.iter_bytes())
        assert CALLERS[0].call(fake).text == SAYS


def test_many_clients_at_once_get_one_step_each() -> None:
    """Steps go to attempts as they arrive; none is lost and none is used twice."""

    async def main(fake: FakeProvider) -> list[object]:
        async with (
            openai.AsyncOpenAI(base_url=fake.openai_base_url, api_key=KEY, max_retries=0) as one,
            anthropic.AsyncAnthropic(
                base_url=fake.anthropic_base_url, api_key=KEY, max_retries=0
            ) as two,
        ):
            calls: list[object] = []
            for _ in range(30):
                calls.append(one.responses.create(model="m", input="x"))
                calls.append(
                    two.messages.create(
                        model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}]
                    )
                )
            return list(await asyncio.gather(*calls, return_exceptions=True))  # type: ignore[call-overload]

    with FakeProvider(Script.parse({"steps": ["http-error:500"] * 20, "after": "success"})) as fake:
        results = asyncio.run(main(fake))
    failed = [result for result in results if isinstance(result, Exception)]
    assert (len(failed), len(results)) == (20, 60)
    assert sorted(r.attempt or 0 for r in fake.requests) == list(range(60))


def test_async_with_works_in_the_callers_loop() -> None:
    """The provider has a loop of its own; the caller's is free for the client."""

    async def main() -> str:
        async with (
            FakeProvider("success:async") as fake,
            openai.AsyncOpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk,
        ):
            return (await sdk.responses.create(model="m", input="x")).output_text

    assert asyncio.run(main()) == "async"


def test_the_sdks_own_retries_are_attempts_too() -> None:
    """With its default two retries one call of the SDK meets three steps."""
    steps = ["http-error:500,retry_after_ms=1"] * 2 + ["success:third"]
    with (
        FakeProvider(steps) as fake,
        openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk,
    ):
        assert sdk.responses.create(model="m", input="x").output_text == "third"
    assert [r.headers["x-stainless-retry-count"] for r in fake.requests] == ["0", "1", "2"]


def test_an_ended_script_is_not_retried_by_the_sdks() -> None:
    """The reply that says so costs one request, whatever the SDK's retries."""
    with (
        FakeProvider("success") as fake,
        openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY, max_retries=5) as sdk,
    ):
        sdk.responses.create(model="m", input="x")
        with pytest.raises(openai.BadRequestError, match="1 step and this is attempt 2"):
            sdk.responses.create(model="m", input="x")
    assert fake.attempts == 2


def test_the_room_loads_its_names_when_they_are_used() -> None:
    """Importing the room loads no server; its names are all there, and a wrong one is told."""
    code = (
        "import sys, chatlab.lab; print([m for m in ('h11', 'h2', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert all(getattr(chatlab.lab, name) is not None for name in chatlab.lab.__all__)
    with pytest.raises(AttributeError, match="no attribute 'FakeProvidre'"):
        chatlab.lab.FakeProvidre  # noqa: B018
