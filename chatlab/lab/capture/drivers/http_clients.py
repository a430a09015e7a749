"""One POST by each of Python's HTTP clients, read as a program would: status, then JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from chatlab.lab.capture.drivers.driver_output import Knobs, Untyped, module, tell

REQUEST = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Weather?"}]}
LONG_S = 15.0


def _target(url: str, knobs: Knobs) -> str:
    return "http://api.example.com/v1/chat/completions" if knobs.get("proxy") else url


def _httpx_like(name: str) -> Untyped:
    def call(url: str, knobs: Knobs) -> None:
        httpx = module(name)
        timeout = httpx.Timeout(
            LONG_S,
            connect=knobs.get("connect_timeout_s", LONG_S),
            read=knobs.get("read_timeout_s", LONG_S),
            pool=knobs.get("pool_timeout_s", LONG_S),
        )
        http2 = bool(knobs.get("http2"))
        settings: dict[str, Any] = {
            "timeout": timeout,
            "http2": http2,
            "verify": not http2,
            "limits": httpx.Limits(max_connections=1),
        }
        if knobs.get("proxy"):
            settings["proxy"] = url
        if "pool_timeout_s" in knobs:
            asyncio.run(_crowd(httpx, url, settings))
            return
        with httpx.Client(**settings) as client:
            target = _target(url, knobs)
            if knobs.get("stream"):
                with client.stream("POST", target, json=REQUEST) as response:
                    response.raise_for_status()
                    list(response.iter_lines())
            else:
                client.post(target, json=REQUEST).raise_for_status().json()

    return call


async def _crowd(httpx: Untyped, url: str, settings: dict[str, Any]) -> None:
    async with httpx.AsyncClient(**settings) as client:
        first = asyncio.create_task(client.post(url, json=REQUEST))
        await asyncio.sleep(0.2)
        try:
            await client.post(url, json=REQUEST)
        finally:
            first.cancel()


def _requests(url: str, knobs: Knobs) -> None:
    requests = module("requests")
    timeout = (knobs.get("connect_timeout_s", LONG_S), knobs.get("read_timeout_s", LONG_S))
    proxies = {"http": url} if knobs.get("proxy") else None
    response = requests.post(
        _target(url, knobs),
        json=REQUEST,
        timeout=timeout,
        proxies=proxies,
        stream=bool(knobs.get("stream")),
    )
    response.raise_for_status()
    if knobs.get("stream"):
        list(response.iter_lines())
    else:
        response.json()


def _urllib3(url: str, knobs: Knobs) -> None:
    urllib3 = module("urllib3")
    timeout = urllib3.Timeout(
        connect=knobs.get("connect_timeout_s", LONG_S), read=knobs.get("read_timeout_s", LONG_S)
    )
    pool = urllib3.PoolManager(timeout=timeout, retries=False)
    pool.request("POST", url, json=REQUEST).json()


async def _aiohttp(url: str, knobs: Knobs) -> None:
    aiohttp = module("aiohttp")
    timeout = aiohttp.ClientTimeout(
        total=knobs.get("deadline_s"),
        sock_connect=knobs.get("connect_timeout_s", LONG_S),
        sock_read=knobs.get("read_timeout_s", LONG_S),
    )
    proxy = url if knobs.get("proxy") else None
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.post(_target(url, knobs), json=REQUEST, proxy=proxy) as response,
    ):
        if knobs.get("stream"):
            async for _ in response.content:
                pass
        else:
            await response.json()


def _urllib(url: str, knobs: Knobs) -> None:
    request = module("urllib.request")
    timer = knobs.get("connect_timeout_s", knobs.get("read_timeout_s", LONG_S))
    data, headers = json.dumps(REQUEST).encode(), {"content-type": "application/json"}
    proxies = {"http": url} if knobs.get("proxy") else {}
    opener = request.build_opener(request.ProxyHandler(proxies))
    asked = request.Request(_target(url, knobs), data, headers)
    with opener.open(asked, timeout=timer) as response:
        json.loads(response.read())


def _http_client(url: str, knobs: Knobs) -> None:
    client = module("http.client")
    parts = urlsplit(url)
    timer = knobs.get("connect_timeout_s", knobs.get("read_timeout_s", LONG_S))
    secure = parts.scheme == "https"
    kind = client.HTTPSConnection if secure else client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timer)
    connection.request("POST", parts.path, json.dumps(REQUEST))
    json.loads(connection.getresponse().read())


CALLS = {
    "httpx2": ("httpx2", _httpx_like("httpx2")),
    "httpx": ("httpx", _httpx_like("httpx")),
    "requests": ("requests", _requests),
    "urllib3": ("urllib3", _urllib3),
    "aiohttp": ("aiohttp", lambda url, knobs: asyncio.run(_aiohttp(url, knobs))),
    "urllib": ("python", _urllib),
    "http-client": ("python", _http_client),
}

if __name__ == "__main__":
    tell(CALLS, sys.argv[1:])
