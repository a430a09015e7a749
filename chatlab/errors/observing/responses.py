"""What a response object holds: status, headers, the content that was read, the host."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from types import SimpleNamespace
from typing import Final

from chatlab.errors.observing.attributes import attribute, called, text_of
from chatlab.errors.reading.fields import decoded, parsed
from chatlab.errors.reading.http_status import structured
from chatlab.errors.reading.who_answered import provider_in

_MAX_HEADERS: Final = 500
_MAX_HOST_CHARS: Final = 300
_NOTHING: Final = object()
_STATUS: Final = ("status_code", "http_status", "status", "code")


def as_response(response: object) -> object:
    """`response`, with botocore's mapping in the form that other libraries give theirs."""
    if not isinstance(response, Mapping):
        return response
    known = response.get("ResponseMetadata")  # beside the body
    known = known if isinstance(known, Mapping) else {}
    body = {key: response[key] for key in response if key != "ResponseMetadata"}
    status, headers = known.get("HTTPStatusCode"), known.get("HTTPHeaders")
    return SimpleNamespace(status=status, headers=headers, _content=body)


def status_of(holder: object) -> int | None:
    """The HTTP status of a response or of anything that names one as responses do."""
    for name in _STATUS:
        number = status_named(name, attribute(holder, name))
        if number is not None:
            return number
    return None


def status_named(name: str, value: object) -> int | None:
    """`value` as an HTTP status; under the name ``code`` only a number is one."""
    if value is None or (name == "code" and not isinstance(value, int)):
        return None
    return structured(value)


def headers_of(holder: object) -> Mapping[str, object] | None:
    """The headers of a response, None when it has none."""
    return by_name(attribute(holder, "headers")) or None


def by_name(headers: object) -> dict[str, object]:
    """Headers, in a mapping or in pairs, by name; of several values the first."""
    if headers is None:
        return {}
    pairs = headers if isinstance(headers, list | tuple) else called(headers, "items")
    found: dict[str, object] = {}
    try:
        for name, value in islice(pairs, _MAX_HEADERS):  # type: ignore[call-overload]
            known = name if type(name) is str and name.isascii() else decoded(name) or ""
            if known not in found:
                found[known] = value
    except Exception:
        return {}
    return found


def content_of(holder: object) -> object:
    """What was read of a response already, decoded; reading more of it could block."""
    kept = attribute(holder, "_content", _NOTHING)
    if kept is not _NOTHING:
        return _decoded(kept)
    for name in ("_body", "text", "content"):
        found = _decoded(attribute(holder, name))
        if found is not None:
            return found
    return None


def _decoded(value: object) -> object:
    if type(value) is not bytes and not isinstance(value, str | bytes | Mapping):
        return None
    return parsed(value) if value else None


def provider_at(url: object) -> str | None:
    """Who answers at the host of `url`."""
    host = _host(url)
    return _provider_of_host(host) if 0 < len(host) <= _MAX_HOST_CHARS else None


_provider_of_host = lru_cache(maxsize=256)(provider_in)


def _host(url: object) -> str:
    if url is None:
        return ""
    netloc = attribute(url, "netloc")
    if type(netloc) is bytes:
        return netloc.decode("utf-8", "replace").lower()
    try:
        from urllib.parse import urlsplit  # slow to load

        return urlsplit(text_of(url)).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
