"""A fake provider tells when it has nothing to do."""

from __future__ import annotations

import asyncio
import socket

import h2.config
import h2.connection
import httpx2
import pytest
from support.lab_calls import HELLO, PATHS

from chatlab.lab import FakeProvider, GoodAnswer, Script

CHAT = PATHS[1]


@pytest.mark.parametrize("spoken", [1, 2])
def test_what_has_arrived_is_read_before_it_is_idle(spoken: int) -> None:
    """A connection and its request at once, again and again: none is overlooked."""
    body = b'{"messages": [{"role": "user", "content": "Hi"}]}'
    with FakeProvider(Script(after="success")) as fake:
        address = ("127.0.0.1", int(fake.base_url.rpartition(":")[2]))
        for count in range(1, 51):
            if spoken == 1:
                head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
                sent = head.encode() + b"\r\n\r\n" + body
            else:
                client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
                client.initiate_connection()
                pseudo = {":method": "POST", ":path": CHAT, ":scheme": "http"}
                client.send_headers(1, [*pseudo.items(), (":authority", "localhost")])
                client.send_data(1, body, end_stream=True)
                sent = client.data_to_send()
            with socket.create_connection(address) as raw:
                raw.sendall(sent)
                fake.idle().result()
                assert len(fake.requests) == count


def test_idle_waits_for_an_answer_and_not_for_a_stalled_one() -> None:
    """What arrived before the call has been answered when it is done."""
    released = asyncio.Event()
    asked: list[asyncio.AbstractEventLoop] = []

    async def sleep(_seconds: float) -> None:
        asked.append(asyncio.get_running_loop())
        await released.wait()

    steps = ["silence-after-event:2", GoodAnswer("Slow.", content_after_s=5)]
    with FakeProvider(steps, sleep=sleep) as fake, httpx2.Client(trust_env=False) as http:
        fake.idle().result()
        body = {**HELLO, "stream": True}
        with http.stream("POST", fake.base_url + CHAT, json=body) as stalled:
            received = stalled.iter_bytes()
            fake.idle().result()
            assert b"chat.completion.chunk" in next(received)
            with http.stream("POST", fake.base_url + CHAT, json=body):
                busy = fake.idle()
                while not asked:
                    pass
                assert not busy.done()
                asked[0].call_soon_threadsafe(released.set)
                busy.result()
    with pytest.raises(RuntimeError, match="is not running"):
        fake.idle()


def test_idle_can_be_awaited() -> None:
    """In the client's own loop."""

    async def main() -> list[str]:
        async with FakeProvider("success") as fake, httpx2.AsyncClient(trust_env=False) as http:
            await http.post(fake.base_url + CHAT, json=HELLO)
            await asyncio.wrap_future(fake.idle())
            return [one.met for one in fake.requests]

    assert asyncio.run(main()) == ["success"]
