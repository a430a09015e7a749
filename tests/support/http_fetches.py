"""One GET with each HTTP library."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

import aiohttp
import httpcore
import httpcore2
import httpx
import httpx2
import requests
import urllib3

Fetch = Callable[[str], object]


def with_httpx(url: str) -> object:
    with httpx.Client(timeout=0.3) as client:
        return client.get(url).raise_for_status()


def with_httpx2(url: str) -> object:
    with httpx2.Client(timeout=0.3) as client:
        return client.get(url).raise_for_status()


def with_httpcore(url: str) -> object:
    with httpcore.ConnectionPool() as pool:
        return pool.request("GET", url, extensions={"timeout": {"read": 0.3}})


def with_httpcore2(url: str) -> object:
    with httpcore2.ConnectionPool() as pool:
        return pool.request("GET", url, extensions={"timeout": {"read": 0.3}})


def with_requests(url: str) -> object:
    with requests.get(url, timeout=0.3) as answered:
        answered.raise_for_status()
    return answered


def with_urllib3(url: str) -> object:
    with urllib3.PoolManager(retries=False, timeout=0.3) as pool:
        return pool.request("GET", url)


def with_urllib3_retries(url: str) -> object:
    retries = urllib3.Retry(1, backoff_factor=0, status_forcelist=[429])
    with urllib3.PoolManager(retries=retries, timeout=0.3) as pool:
        return pool.request("GET", url)


def with_aiohttp(url: str) -> object:
    async def fetch() -> object:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=0.3)) as session:  # noqa: SIM117
            async with session.get(url) as answered:
                answered.raise_for_status()
                return await answered.read()

    return asyncio.run(fetch())


def with_urllib(url: str) -> object:
    with urllib.request.urlopen(url, timeout=0.3) as answered:
        return answered.read()


CLIENTS: Final[list[Fetch]] = [
    *(with_httpx, with_httpx2, with_httpcore, with_httpcore2, with_requests),
    *(with_urllib3, with_urllib3_retries, with_aiohttp, with_urllib),
]
