"""Faults below HTTP: no connection, the answer stops, TLS, garbled framing, timers, HTTP/2."""

from __future__ import annotations

from typing import Final

from chatlab.lab.capture.faults import plans
from chatlab.lab.capture.faults.fault import ClientFault, Label, broken_off
from chatlab.lab.capture.faults.plans import Act, Plan

_TIMER_S: Final = 0.5
_READ_TIMER: Final = {"read_timeout_s": _TIMER_S}

_NOBODY: Final = (
    ClientFault(
        "connection-refused",
        broken_off("nobody listens on the port: connection refused"),
        listening="refused",
    ),
    ClientFault(
        "connect-timeout",
        broken_off("no answer to the connection attempt within the client's own connect timer"),
        listening="full",
        knobs={"connect_timeout_s": _TIMER_S},
    ),
    ClientFault(
        "dns-failure",
        Label(
            "timeout",
            True,
            "the host name cannot be resolved: a resolver in trouble or a wrong name, the text "
            "does not tell which",
            accept={"kind": ["generic"], "retryable": [False]},
            confidence="medium",
        ),
        host="provider.invalid",
    ),
)

_CUT: Final = (
    ClientFault(
        "reset-before-headers",
        broken_off("connection reset by the peer before any header"),
        (Act.RESET,),
    ),
    ClientFault(
        "closed-before-headers",
        broken_off("connection closed by the peer before any header"),
        (Act.CLOSE,),
    ),
    ClientFault(
        "reset-mid-body",
        broken_off("connection reset by the peer in the middle of the body"),
        (plans.part(60), Act.RESET),
    ),
    ClientFault(
        "body-shorter-than-length",
        broken_off("connection closed before the announced length was reached"),
        (plans.part(60), Act.CLOSE),
    ),
    ClientFault(
        "chunked-body-cut",
        broken_off("connection closed in the middle of a chunked body"),
        (plans.chunked() + plans.chunk(plans.COMPLETION[:60]), Act.CLOSE),
    ),
    ClientFault(
        "read-timeout",
        broken_off("no header within the client's own timer for this attempt"),
        (Act.STALL,),
        knobs=_READ_TIMER,
    ),
    ClientFault(
        "body-timeout",
        broken_off("the body stopped arriving, noticed by the client's own timer for this attempt"),
        (plans.part(60), Act.STALL),
        knobs=_READ_TIMER,
    ),
)

_TLS: Final = (
    ClientFault(
        "tls-self-signed",
        Label("generic", False, "TLS certificate check failed: nobody vouches for the certificate"),
        secured="tls",
        scheme="https",
    ),
    ClientFault(
        "tls-handshake-closed",
        broken_off("connection closed by the peer during the TLS handshake"),
        (Act.CLOSE,),
        patient=False,
        scheme="https",
    ),
    ClientFault(
        "plain-http-on-tls-port",
        Label(
            "generic",
            False,
            "the port speaks plain HTTP where TLS was due: a wrong address, which waiting does "
            "not change",
        ),
        plans.answer(400, "", content_type="text/plain"),
        patient=False,
        scheme="https",
    ),
)

_GARBLE: Final = (
    ClientFault(
        "html-page",
        Label(
            "generic",
            True,
            "a page where JSON was due, with status 200: a gateway's or portal's page, or a "
            "wrong address; nothing terminal is proven",
            accept={"retryable": [False]},
            confidence="medium",
        ),
        plans.answer(200, plans.PAGE, content_type="text/html"),
    ),
    ClientFault(
        "json-cut",
        Label(
            "timeout",
            True,
            "the answer ends in the middle of its JSON",
            accept={"kind": ["generic"]},
        ),
        plans.answer(200, plans.COMPLETION[:160]),
    ),
    ClientFault(
        "bad-chunk-size",
        Label(
            "generic",
            True,
            "the peer's chunked framing is broken: the answer cannot be read, another may",
            accept={"kind": ["timeout"]},
        ),
        (plans.chunked() + b"zz\r\n" + plans.COMPLETION.encode() + b"\r\n0\r\n\r\n",),
    ),
    ClientFault(
        "no-http",
        Label(
            "generic",
            True,
            "what came back is no HTTP: a desynchronised connection or a wrong port",
            accept={"kind": ["timeout"], "retryable": [False]},
            confidence="medium",
        ),
        (b"220 mail.example.com ESMTP ready\r\n\r\n",),
    ),
)

_TIMERS: Final = (
    ClientFault(
        "caller-deadline",
        Label(
            "timeout",
            False,
            "the caller's own deadline for the whole call ran out; the words may be those of a "
            "timer for one attempt",
            accept={"retryable": [True]},
            confidence="medium",
        ),
        (Act.STALL,),
        knobs={"deadline_s": _TIMER_S},
    ),
    ClientFault(
        "cancelled",
        Label("generic", False, "the caller cancelled the call"),
        (Act.STALL,),
        knobs={"cancel_after_s": _TIMER_S},
    ),
    ClientFault(
        "pool-timeout",
        broken_off("no connection came free in the client's own pool within its timer"),
        (Act.STALL,),
        knobs={"pool_timeout_s": _TIMER_S},
    ),
)


def _http2(name: str, label: Label, plan: Plan) -> ClientFault:
    return ClientFault(name, label, plan, secured="h2", scheme="https", knobs={"http2": True})


_HTTP2: Final = (
    *(
        _http2(
            f"h2-rst-{code.lower().replace('_', '-')}",
            broken_off(f"HTTP/2 stream reset by the peer with {code}"),
            plans.rst_stream(code),
        )
        for code in ("INTERNAL_ERROR", "REFUSED_STREAM", "ENHANCE_YOUR_CALM", "NO_ERROR")
    ),
    _http2(
        "h2-rst-protocol-error",
        Label("generic", False, "HTTP/2 stream reset with PROTOCOL_ERROR: one side is broken"),
        plans.rst_stream("PROTOCOL_ERROR"),
    ),
    _http2(
        "h2-goaway-no-error",
        broken_off("HTTP/2 GOAWAY by the peer with NO_ERROR before the answer"),
        plans.goaway("NO_ERROR"),
    ),
    _http2(
        "h2-goaway-calm",
        broken_off("HTTP/2 GOAWAY by the peer with ENHANCE_YOUR_CALM"),
        plans.goaway("ENHANCE_YOUR_CALM", debug=b"too_many_pings"),
    ),
)

WIRE_FAULTS: Final = (*_NOBODY, *_CUT, *_TLS, *_GARBLE, *_TIMERS, *_HTTP2)
"""Every fault of this module."""
