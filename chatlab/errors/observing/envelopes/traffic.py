"""Recorded HTTP traffic: HAR files, cassettes of vcrpy, and lines of OpenAI's batch results."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from itertools import islice
from typing import Final

from chatlab.errors.observing.envelopes.call import Call, Record

_MAX_HEADERS: Final = 200
_ABORTED: Final = ("net::ERR_ABORTED", "NS_BINDING_ABORTED")
"""What a browser says when its own page gave the request up."""


def har_calls(document: Record) -> tuple[Call, ...] | None:
    """The calls of a HAR file: Chromium's, Playwright's, Firefox's, mitmproxy's."""
    if not isinstance(document.at("log", "entries"), list):
        return None
    return tuple(_entry(number, entry) for number, entry in document.records("log", "entries"))


def _entry(number: int, entry: Record) -> Call:
    response = Record({"response": entry.at("response")})
    status = response.at("response", "status")
    broke = response.text("response", "_failureText") or response.text("response", "_error")
    broke = broke or entry.text("_error")
    answered = isinstance(status, int) and status > 0
    error = isinstance(status, int) and status >= 400
    left = broke is not None and broke.startswith(_ABORTED)
    cut = broke is not None and not error and not left
    return Call(
        where=f"log.entries[{number}]",
        failed=error or broke is not None or not answered,
        status=status if answered else None,
        headers=_headers(response),
        body=_content(response) if error else None,
        exception_text=broke,
        provider=_host(entry.text("request", "url")),
        cut=cut and answered,
        reader_left=left,
    )


def _headers(response: Record) -> dict[str, object]:
    found: dict[str, object] = {}
    for _, header in response.records("response", "headers"):
        name = header.text("name")
        if name is not None:
            found.setdefault(name, header.at("value"))
    return found


def _content(response: Record) -> object:
    text = response.text("response", "content", "text")
    if text is not None and response.at("response", "content", "encoding") == "base64":
        try:
            return base64.b64decode(text, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None
    return text


def _host(url: str | None) -> str | None:
    try:
        from urllib.parse import urlsplit  # slow to load

        return urlsplit(url or "").netloc.rpartition("@")[2].lower() or None
    except ValueError:
        return None


def batch_calls(document: Record) -> tuple[Call, ...] | None:
    """A line of an OpenAI batch's output or error file."""
    if "custom_id" not in document.fields or not {"response", "error"} & document.fields.keys():
        return None
    status = document.at("response", "status_code")
    error = document.at("error")
    failed = bool(error) or (isinstance(status, int) and status >= 400)
    body = document.at("response", "body") if failed else None
    return (Call("", failed, status=status, body=body or ({"error": error} if error else None)),)


def cassette_calls(document: Record) -> tuple[Call, ...] | None:
    """The calls of a cassette of vcrpy that was written as JSON."""
    if not isinstance(document.at("interactions"), list):
        return None
    return tuple(
        _interaction(number, one)
        for number, one in document.records("interactions")
        if isinstance(one.at("response"), Mapping)
    )


def _interaction(number: int, one: Record) -> Call:
    status = one.at("response", "status", "code")
    failed = isinstance(status, int) and status >= 400
    headers = one.at("response", "headers")
    return Call(
        where=f"interactions[{number}]",
        failed=failed,
        status=status,
        headers=_joined(headers) if isinstance(headers, Mapping) else None,
        body=one.at("response", "body", "string") if failed else None,
        provider=_host(one.text("request", "uri")),
    )


def _joined(headers: Mapping[object, object]) -> dict[str, object]:
    """Headers with the first of several values of each."""
    return {
        str(name): next(iter(value), None) if isinstance(value, list) else value
        for name, value in islice(headers.items(), _MAX_HEADERS)
    }
