"""What a `Turn` adds to the SDK's own loop: ``python tests/bench/bench_stream.py [rounds]``.

A server in a process of its own streams one long answer. The same client reads it in a bare loop
over the SDK's events and through a `Turn`, by turns in one run, so that both meet the same machine.
Reported for each protocol: microseconds of this process's CPU an event (the median of the rounds),
and the median of the rounds' ratios.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import statistics
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from time import perf_counter, process_time
from typing import Any, Final

import anthropic
import httpx2
import openai

from chatlab.chat import Turn

DELTAS: Final = 10_000
ROUNDS: Final = 5
WORD: Final = "word "

ASKED: Final = [{"role": "user", "content": "Tell me a long story."}]
REQUESTS: Final[Mapping[str, dict[str, Any]]] = {
    "responses": {"model": "gpt-5", "input": "Tell me a long story."},
    "chat": {"model": "gpt-5", "messages": ASKED},
    "messages": {"model": "claude", "max_tokens": 64_000, "messages": ASKED},
}
PATHS: Final = {"/responses": "responses", "/chat/completions": "chat", "/messages": "messages"}


def events_of(protocol: str) -> list[dict[str, Any]]:
    """One answer of `DELTAS` pieces, as each protocol streams it."""
    if protocol == "chat":
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

        def chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
            return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

        return [
            chunk({"role": "assistant", "content": ""}),
            *[chunk({"content": WORD})] * DELTAS,
            chunk({}, "stop"),
        ]
    if protocol == "messages":
        message = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
        usage = {"input_tokens": 5, "output_tokens": 1}
        message |= {"model": "m", "stop_reason": None, "stop_sequence": None, "usage": usage}
        delta = {"type": "text_delta", "text": WORD}
        return [
            {"type": "message_start", "message": message},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            *[{"type": "content_block_delta", "index": 0, "delta": delta}] * DELTAS,
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": DELTAS},
            },
            {"type": "message_stop"},
        ]
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m"}
    response |= {"output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress"}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "content": []},
        },
        *[{"type": "response.output_text.delta", **place, "delta": WORD, "logprobs": []}] * DELTAS,
        {"type": "response.completed", "response": {**response, "status": "completed"}},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def body_of(protocol: str) -> bytes:
    """The same as an event stream."""
    lines = [
        (f"event: {event['type']}\n" if "type" in event else "") + f"data: {json.dumps(event)}\n\n"
        for event in events_of(protocol)
    ]
    return "".join([*lines, *(["data: [DONE]\n\n"] if protocol == "chat" else [])]).encode()


def serve(report: Connection) -> None:
    """Answer every request with the stream of its protocol, on connections that stay open."""
    bodies = {path: body_of(protocol) for path, protocol in PATHS.items()}

    def converse(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            while line := requests.readline():
                size = 0
                while (header := requests.readline().lower()) not in (b"\r\n", b""):
                    if header.startswith(b"content-length:"):
                        size = int(header.split(b":")[1])
                requests.read(size)
                path = line.split()[1].decode()
                body = next(body for end, body in bodies.items() if path.endswith(end))
                head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}"
                connection.sendall(f"{head}\r\n\r\n".encode() + body)

    with socket.create_server(("127.0.0.1", 0)) as server:
        report.send(server.getsockname()[1])
        while True:
            threading.Thread(target=converse, args=server.accept()[:1], daemon=True).start()


def stream_of(client: Any, protocol: str) -> Any:  # noqa: ANN401  of either SDK
    """The SDK's own stream, not yet read."""
    create = {
        "responses": lambda: client.responses.create,
        "chat": lambda: client.chat.completions.create,
        "messages": lambda: client.messages.create,
    }[protocol]()
    return create(**REQUESTS[protocol], stream=True)


def client_of(protocol: str, port: int, *, is_async: bool) -> Any:  # noqa: ANN401  of either SDK
    """A client of the protocol's SDK."""
    http: Any = (httpx2.AsyncClient if is_async else httpx2.Client)(trust_env=False, timeout=600)
    options: dict[str, Any] = {"api_key": "none", "max_retries": 0, "http_client": http}
    address = f"http://127.0.0.1:{port}"
    if protocol == "messages":
        kind: Any = anthropic.AsyncAnthropic if is_async else anthropic.Anthropic
        return kind(base_url=address, **options)
    kind = openai.AsyncOpenAI if is_async else openai.OpenAI
    return kind(base_url=f"{address}/v1", **options)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Microseconds of CPU and of wall time that `work` takes for each delta."""
    wall, cpu = perf_counter(), process_time()
    work()
    return 1e6 * (process_time() - cpu) / DELTAS, 1e6 * (perf_counter() - wall) / DELTAS


def compare(protocol: str, port: int, rounds: int, *, is_async: bool) -> str:
    """The row of one protocol."""
    runner = asyncio.Runner()
    client = client_of(protocol, port, is_async=is_async)

    def bare() -> None:
        for _ in stream_of(client, protocol):
            pass

    async def abare() -> None:
        async for _ in await stream_of(client, protocol):
            pass

    def turn() -> None:
        for _ in Turn(REQUESTS[protocol], client=client).events():
            pass

    async def aturn() -> None:
        async for _ in Turn(REQUESTS[protocol], client=client).aevents():
            pass

    with runner:
        ways: list[Callable[[], object]] = (
            [lambda: runner.run(abare()), lambda: runner.run(aturn())] if is_async else [bare, turn]
        )
        for way in ways:
            way()
        costs = [[timed(way) for way in ways] for _ in range(rounds)]
        if is_async:
            runner.run(client.close())
        else:
            client.close()
    cpu = [statistics.median(one[way][0] for one in costs) for way in (0, 1)]
    cpu_ratio = statistics.median(one[1][0] / one[0][0] for one in costs)
    wall_ratio = statistics.median(one[1][1] / one[0][1] for one in costs)
    name = f"{protocol}, {'async' if is_async else 'sync'}"
    return f"{name:17} {cpu[0]:9.1f} {cpu[1]:9.1f} {cpu_ratio:9.2f} {wall_ratio:9.2f}"


def main() -> int:
    """Print a row for each protocol, sync and async."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    print(f"{'us an event':17} {'bare':>9} {'Turn':>9} {'CPU ratio':>9} {'wall':>9}")
    for protocol in REQUESTS:
        for is_async in (False, True):
            print(compare(protocol, port, rounds, is_async=is_async), flush=True)
    server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
