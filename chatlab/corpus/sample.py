"""One real failure with its expected verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from chatlab.errors import Failure
from chatlab.exceptions import ChatlabError


class SampleError(ChatlabError, ValueError):
    """A corpus file that cannot be used; the text says where, what is wrong and what to do."""


@dataclass(frozen=True)
class Sample:
    """A real failure and its expected verdict.

    id: ``provider/what-happened``, the path without ``.json``. body: decoded JSON, text or None,
    with a sidecar already read. expected: kind, retryable, provider, status_code, retry_after_s,
    chain_broken. accept: further right answers by field. The other fields are as in the file.
    The record must not be changed: `failure` is read from it once.
    """

    id: str
    record: Mapping[str, object] = field(repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)

    @property
    def provider(self) -> str | None:
        """Who answered; None when the record does not show it."""
        return _optional_text(self.record.get("provider"))

    @property
    def vendor(self) -> str | None:
        """The product or client, for people."""
        return _optional_text(self.record.get("vendor"))

    @property
    def api(self) -> str | None:
        """The interface that was called."""
        return _optional_text(self.record.get("api"))

    @property
    def surface(self) -> str:
        """Where the failure was seen, one of `SURFACES`."""
        return str(self.record.get("surface"))

    @property
    def status(self) -> int | None:
        """The HTTP status, None when none was seen."""
        status = self.record.get("status")
        return status if isinstance(status, int) else None

    @property
    def headers(self) -> Mapping[str, object]:
        """The response headers, as seen."""
        headers = self.record.get("headers")
        return headers if isinstance(headers, Mapping) else {}

    @property
    def body(self) -> object:
        """Decoded JSON, text, or None; a sidecar is already read."""
        return self.record.get("body")

    @property
    def exception(self) -> Mapping[str, object] | None:
        """The dotted class name (``type``) and the ``text`` of the exception."""
        exception = self.record.get("exception")
        return exception if isinstance(exception, Mapping) else None

    @property
    def text(self) -> str | None:
        """A pasted text, such as a log line."""
        return _optional_text(self.record.get("text"))

    @property
    def expected(self) -> Mapping[str, object]:
        """The right verdict, by field."""
        expected = self.record.get("expected")
        return expected if isinstance(expected, Mapping) else {}

    @property
    def accept(self) -> Mapping[str, list[object]]:
        """Further right answers, by field."""
        accept = self.record.get("accept")
        return accept if isinstance(accept, Mapping) else {}

    @property
    def known_miss(self) -> str | None:
        """Why today's rules get this sample wrong; None when they must get it right."""
        return _optional_text(self.record.get("known_miss"))

    @property
    def provenance(self) -> str | None:
        """``reported``, ``captured`` or ``contributed``."""
        return _optional_text(self.record.get("provenance"))

    @cached_property
    def failure(self) -> Failure:
        """What was observed, ready for `classify`."""
        return Failure.from_record(self.record)

    @cached_property
    def fingerprint(self) -> str:
        """Two samples with the same fingerprint are the same sample."""
        names = ("vendor", "api", "surface", "status", "headers", "body", "exception", "text")
        seen = {name: self.record.get(name) for name in names}
        return json.dumps(seen, sort_keys=True, ensure_ascii=False, default=str)


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_PROXIES: Final = frozenset(("Apache httpd", "HAProxy", "Squid", "Varnish", "nginx"))
"""The programs, as a captured sample's source names them, that answer for another server."""


def folder_of(record: Mapping[str, object]) -> str:
    """The folder of a record: its provider, or what kind of program it was captured from.

    >>> folder_of({"provider": "openai"})
    'openai'
    >>> folder_of({"provider": None, "provenance": "captured", "source": {"program": "nginx"}})
    'proxies'
    """
    if record.get("provider"):
        return str(record["provider"])
    if record.get("provenance") != "captured":
        return "unknown"
    source = record.get("source")
    program = source.get("program") if isinstance(source, Mapping) else None
    return "proxies" if program in _PROXIES else "clients"
