"""A program that is run against an origin, and the groups of faults that many of them meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chatlab.lab.capture.faults.answer_faults import ANSWER_FAULTS
from chatlab.lab.capture.faults.fault import ClientFault, Label
from chatlab.lab.capture.faults.wire_faults import WIRE_FAULTS

FAULTS: Final[Mapping[str, ClientFault]] = {one.name: one for one in (*WIRE_FAULTS, *ANSWER_FAULTS)}
"""The faults that any program can be made to meet, by name.

The label belongs to what happened, not to how a program words it; where a program shows something
else than happened, its entry in `Program.labels` says so.
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A client that is run against an origin.

    name: as on the command line. title: for people. driver: ``python:module``, ``node``,
    ``java``, ``go``, ``rust``, ``ruby``, ``php``, ``perl`` or ``shell``. faults: names from
    `FAULTS`. own: faults that only this program can meet. labels: where the program shows
    something else than happened. maker: whose SDK it is, which a verdict may name although it
    proves nothing. api: as in a sample. cleartext_http2: it speaks HTTP/2 without TLS.
    """

    name: str
    title: str
    driver: str
    faults: tuple[str, ...] = ()
    own: tuple[ClientFault, ...] = ()
    labels: Mapping[str, Label] = field(default_factory=dict)
    maker: str | None = None
    api: str | None = "chat_completions"
    cleartext_http2: bool = False

    @property
    def language(self) -> str:
        """The language that its driver is written in."""
        return self.driver.partition(":")[0]

    def meets(self) -> dict[str, ClientFault]:
        """Its faults by name."""
        return {name: FAULTS[name] for name in self.faults} | {one.name: one for one in self.own}


CONNECT: Final = ("connection-refused", "connect-timeout", "dns-failure")
"""Nobody answers."""
CUT: Final = (
    *("reset-before-headers", "closed-before-headers", "body-shorter-than-length"),
    "chunked-body-cut",
)
"""The connection ends too early."""
TLS: Final = ("tls-self-signed", "tls-handshake-closed", "plain-http-on-tls-port")
"""The TLS connection fails."""
GARBLE: Final = ("bad-chunk-size", "no-http")
"""The answer is not HTTP."""
WIRE: Final = (*CONNECT, *CUT, "read-timeout", *TLS, *GARBLE)
"""What every HTTP client can meet."""
JSON: Final = ("html-page", "json-cut")
"""The answer is not JSON."""


def but(names: tuple[str, ...], *without: str) -> tuple[str, ...]:
    """`names` but for those that are worded like another one of them."""
    return tuple(name for name in names if name not in without)


ANSWERS: Final = ("proxy-407", "status-429", "status-503")
"""Error statuses."""
H2: Final = (
    *("h2-rst-internal-error", "h2-rst-refused-stream", "h2-rst-enhance-your-calm"),
    *("h2-rst-protocol-error", "h2-goaway-no-error", "h2-goaway-calm"),
)
"""What clients of HTTP/2 can meet."""
SDK: Final = (
    *("connection-refused", "dns-failure", "reset-before-headers", "closed-before-headers"),
    *("body-shorter-than-length", "read-timeout", "tls-self-signed", "json-cut"),
    *("status-401", "status-429", "status-502-page", "status-503"),
)
"""What every LLM SDK can meet."""
CHAT_STREAM: Final = ("sse-cut", "sse-reset", "sse-stall", "sse-server-error", "sse-bad-json")
"""What readers of a Chat Completions stream can meet."""
MESSAGE_STREAM: Final = ("sse-messages-cut", "sse-overloaded")
"""What readers of a Messages stream can meet."""
