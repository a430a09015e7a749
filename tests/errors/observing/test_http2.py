"""HTTP/2 resets and GOAWAY, by the code that the libraries type."""

from __future__ import annotations

import socket
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import httpx
import httpx2
import pytest
from support.real_calls import (
    CHUNK,
    FINAL,
    MESSAGE_START,
    TIMEOUT,
    anthropic_call,
    caught,
    openai_call,
    verdict_of,
)

from chatlab.errors import observe

if TYPE_CHECKING:
    from support.sockets import Handler, Serve


H2 = h2.errors.ErrorCodes


def h2_server(reset: int | None = None, goaway: int | None = None, data: bytes = b"") -> Handler:
    """A server that answers the first request with 200, then ends the stream or the connection."""

    def handle(connection: socket.socket, over: threading.Event) -> None:
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        wire.initiate_connection()
        connection.sendall(wire.data_to_send())
        while received := connection.recv(65536):
            for event in wire.receive_data(received):
                if isinstance(event, h2.events.StreamEnded) and event.stream_id is not None:
                    head = [(":status", "200"), ("content-type", "text/event-stream")]
                    wire.send_headers(event.stream_id, head)
                    if data:
                        wire.send_data(event.stream_id, data)
                    if reset is not None:
                        wire.reset_stream(event.stream_id, reset)
                    if goaway is not None:
                        wire.close_connection(goaway)
                        connection.sendall(wire.data_to_send())
                        return
            connection.sendall(wire.data_to_send())

    return handle


PASSING: Final = {
    *(H2.NO_ERROR, H2.INTERNAL_ERROR, H2.REFUSED_STREAM, H2.CANCEL, H2.ENHANCE_YOUR_CALM),
}


BLAMING: Final = {
    *(H2.PROTOCOL_ERROR, H2.FLOW_CONTROL_ERROR, H2.FRAME_SIZE_ERROR, H2.COMPRESSION_ERROR),
}


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
@pytest.mark.parametrize("code", sorted(PASSING | BLAMING), ids=lambda code: code.name)
def test_a_stream_reset_by_the_peer_carries_its_code(
    serve: Serve, library: ModuleType, code: h2.errors.ErrorCodes
) -> None:
    """The typed code, several causes deep, decides between a passing fault and a broken protocol."""
    url = serve(h2_server(reset=code)).url
    with library.Client(http1=False, http2=True) as client:
        error = caught(lambda: client.get(url))
    reset = observe(error).reset
    assert reset is not None
    assert (reset.code, reset.by_peer) == (code.name, True)
    assert verdict_of(error) == (TIMEOUT if code in PASSING else FINAL)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
@pytest.mark.parametrize("code", [H2.NO_ERROR, H2.PROTOCOL_ERROR, H2.ENHANCE_YOUR_CALM])
def test_goaway_is_a_timeout_whatever_its_code(
    serve: Serve, library: ModuleType, code: h2.errors.ErrorCodes
) -> None:
    """The connection ends; a new one can pass."""
    url = serve(h2_server(goaway=code)).url
    with library.Client(http1=False, http2=True) as client:
        error = caught(lambda: client.get(url))
    assert "ConnectionTerminated" in str(error)
    assert verdict_of(error) == TIMEOUT


def test_a_reset_inside_an_sdk_s_stream(serve: Serve) -> None:
    """The SDKs differ in what they raise; the code is found in both."""
    for call, data in ((openai_call, CHUNK), (anthropic_call, MESSAGE_START)):
        for code, expected in ((H2.INTERNAL_ERROR, TIMEOUT), (H2.PROTOCOL_ERROR, FINAL)):
            url = serve(h2_server(reset=code, data=data)).url
            with httpx2.Client(http1=False, http2=True) as client:
                error = call(url, False, http_client=client, stream=True)
            assert observe(error).reset is not None, f"{error!r}"
            assert verdict_of(error) == expected, f"{error!r}"


def test_a_violation_that_h2_finds_itself() -> None:
    """A local protocol error is nothing that waiting cures."""
    wire = h2.connection.H2Connection()
    wire.initiate_connection()
    error = caught(lambda: wire.send_data(5, b"x"))
    assert isinstance(error, h2.exceptions.ProtocolError)
    assert verdict_of(error) == FINAL
