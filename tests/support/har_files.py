"""HAR files as a browser exports them, with secrets in everything that was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from support.planted_secrets import KEYS, Draw

KEY = KEYS["openai project key"](Draw(31))[0]
COOKIE = "session-of-alice-4711"
PROMPT = "my diary of the fourth of July"
CHAT = "https://api.openai.com/v1/chat/completions"
CHUNK = 'data: {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "a"}}]}\n\n'
ENDED = 'data: {"object": "chat.completion.chunk", "choices": [{"finish_reason": "stop"}]}\n\n'


def entry(
    status: int = 200,
    body: object = None,
    url: str = CHAT,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> dict[str, Any]:
    """An entry as a browser exports it, with secrets in everything that was sent."""
    sent = {"authorization": f"Bearer {KEY}", "cookie": COOKIE, "user-agent": "Mozilla/5.0"}
    got = {"content-type": "application/json", "set-cookie": COOKIE, **(headers or {})}
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "startedDateTime": "2026-01-05T10:20:30.000Z",
        "time": 812.4,
        "serverIPAddress": "17.4.33.250",
        "request": {
            "method": "POST",
            "url": f"{url}?key={KEY}",
            "headers": [{"name": name, "value": value} for name, value in sent.items()],
            "cookies": [{"name": "session", "value": COOKIE}],
            "postData": {"mimeType": "application/json", "text": json.dumps({"input": PROMPT})},
        },
        "response": {
            "status": status,
            "statusText": "",
            "headers": [{"name": name, "value": value} for name, value in got.items()],
            "cookies": [{"name": "session", "value": COOKIE}],
            "content": {"size": len(text), "mimeType": "application/json", "text": text},
        },
        "timings": {"send": 0.1, "wait": 800.2, "receive": 12.1},
        **more,
    }


def limited(number: int) -> dict[str, object]:
    """A rate limit such as every other one but for its numbers."""
    said = f"Limit 10000, used {number}, request id req_{number:08}. Wait {number % 60} s."
    return {"error": {"code": "rate_limit_exceeded", "message": said}}


def har(entries: Iterable[object]) -> bytes:
    """The bytes of a HAR."""
    return b"".join(har_pieces(entries))


def har_pieces(entries: Iterable[object]) -> Iterator[bytes]:
    yield b'{"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": ['
    for number, one in enumerate(entries):
        yield (b", " if number else b"") + json.dumps(one).encode()
    yield b"]}}"
