"""What libraries type beside a response: metadata, close codes, cut bodies, frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import anthropic
import grpc  # type: ignore[import-untyped]
import h2.exceptions
import httpx
import httpx2
import pytest
import requests
import websockets
from google.protobuf import any_pb2, duration_pb2  # type: ignore[import-untyped]
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]
from support.real_calls import TIMEOUT, caught, verdict_of
from support.sockets import LOOPBACK, Serve, answer, response

from chatlab.errors import classify, observe

# --- gRPC ----------------------------------------------------------------------------------------


@contextmanager
def refusing(refuse: Callable[[Any], object]) -> Iterator[BaseException]:
    """What a call to a gRPC server raises whose every method does `refuse` to its context."""

    class Everything(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: object) -> object:
            return grpc.unary_unary_rpc_method_handler(lambda _, context: refuse(context))

    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Everything(),))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        yield caught(lambda: channel.unary_unary("/xai_api.Chat/Get")(b"", timeout=5))
    server.stop(0).wait()


@pytest.mark.parametrize("code", ["UNKNOWN", "ABORTED", "DATA_LOSS"])
def test_codes_of_the_server_s_own(code: str) -> None:
    """The server failed, and may not the next time; nothing in the request is blamed."""
    with refusing(lambda context: context.abort(grpc.StatusCode[code], "It broke.")) as error:
        assert verdict_of(error) == ("generic", True)


@pytest.mark.parametrize(
    ("metadata", "wait_s", "retryable"),
    [
        (("retry-after", "7"), 7.0, True),
        (("grpc-retry-pushback-ms", "300"), 0.3, True),
        (("grpc-retry-pushback-ms", "-1"), None, False),
    ],
)
def test_trailing_metadata(
    metadata: tuple[str, str], wait_s: float | None, retryable: bool
) -> None:
    """Metadata are headers; a negative pushback forbids another attempt."""

    def refuse(context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((metadata,))
        context.abort(grpc.StatusCode.UNAVAILABLE, "busy")

    with refusing(refuse) as error:
        verdict = classify(error)
    assert (verdict.retry_after_s, verdict.retryable) == (wait_s, retryable)


def test_details_of_a_bare_grpc_error() -> None:
    """The delay and the reason are in a protocol buffer that the error's text does not show."""
    delay = duration_pb2.Duration(seconds=34, nanos=400_000_000)
    details = [any_pb2.Any(), any_pb2.Any()]
    details[0].Pack(error_details_pb2.ErrorInfo(reason="API_KEY_INVALID", domain="x.example"))
    details[1].Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="No.", details=details)
    with refusing(lambda context: context.abort_with_status(rpc_status.to_status(status))) as error:
        verdict = classify(error)
    assert (verdict.kind, verdict.retry_after_s, verdict.detail) == ("auth", 34.4, "No.")


@pytest.mark.parametrize("packed", [b"", b"\xff" * 99, b"\x1a\x7f\x00", b"\x1a\x02\x0a\x7f" * 9999])
def test_broken_details_are_none(packed: bytes) -> None:
    """A protocol buffer that cannot be read says nothing, and takes no time."""

    def refuse(context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", packed[:4000]),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down")

    with refusing(refuse) as error:
        assert verdict_of(error) == ("rate_limit", True)


# --- WebSockets ----------------------------------------------------------------------------------


def closed(code: int | None, reason: str = "") -> BaseException:
    """What a real WebSocket client raises when the server closes, or aborts, the connection."""

    async def handle(connection: websockets.ServerConnection) -> None:
        if code is None:
            connection.transport.abort()
        else:
            await connection.close(code, reason)

    async def main() -> None:
        async with websockets.serve(handle, LOOPBACK, 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with websockets.connect(f"ws://{LOOPBACK}:{port}") as client:
                await client.recv()

    return caught(lambda: asyncio.run(main()))


@pytest.mark.parametrize(
    ("code", "reason", "kind", "retryable"),
    [
        (1001, "", "timeout", True),
        (1008, "", "generic", False),
        (1008, "You exceeded your current quota: insufficient_quota", "usage_limit", False),
        (1009, "message too big", "generic", False),
        (1011, "internal server error", "generic", True),
        (1012, "", "timeout", True),
        (1013, "", "overloaded", True),
        (3000, "", "auth", False),
        (3008, "", "timeout", True),
        (4000, "", "timeout", True),
        (None, "", "timeout", True),
    ],
)
def test_close_codes(code: int | None, reason: str, kind: str, retryable: bool) -> None:
    """The registered meaning of the code decides, the provider's reason before most of them."""
    error = closed(code, reason)
    assert isinstance(error, websockets.ConnectionClosed)
    assert verdict_of(error) == (kind, retryable), classify(error).explain()
    assert classify(error).status_code is None


# --- bodies that end too soon --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ['{"id":"1","choices":[{"index":0,', '{"id":"1"', '{"id":', "[1, 2, ", "", "  \n"],
)
def test_json_that_ends_too_soon(body: str) -> None:
    """Between two tokens, where the decoder's words do not say it."""
    assert verdict_of(caught(lambda: json.loads(body))) == TIMEOUT
    answered = requests.Response()
    answered._content, answered.status_code = body.encode(), 200
    assert verdict_of(caught(answered.json)) == TIMEOUT


@pytest.mark.parametrize("body", ["{'id': 1}", "<html>", '{"id": 1}}', "not JSON at all"])
def test_json_that_is_wrong_is_not_cut(body: str) -> None:
    """It would be wrong again."""
    attributes = observe(caught(lambda: json.loads(body))).attributes
    assert attributes is None


def test_an_answer_is_not_read_as_an_error() -> None:
    """What the model said before the cut is no evidence; a cut error still is."""
    said = '{"choices":[{"message":{"content":"Error code: 401, your API key is invalid"},'
    assert verdict_of(caught(lambda: json.loads(said))) == TIMEOUT
    error = '{"error":{"code":"insufficient_quota","message":"quota",'
    assert verdict_of(caught(lambda: json.loads(error))) == ("usage_limit", False)


def test_a_body_shorter_than_announced_over_http2() -> None:
    """h2 names both lengths."""
    assert verdict_of(h2.exceptions.InvalidBodyLengthError(100, 50)) == TIMEOUT


# --- frames --------------------------------------------------------------------------------------


def test_the_library_that_an_error_came_through_names_the_provider(serve: Serve) -> None:
    """A cut body has no host and no class of the SDK; its traceback leads through the SDK."""
    cut = b'{"id":"1","content":[{"type":'
    url = serve(answer(response(200, cut, {"Content-Type": "application/json"}))).url
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        error = caught(lambda: client.messages.create(model="m", max_tokens=9, messages=[]))
    assert type(error) is json.JSONDecodeError
    assert classify(error).provider == "anthropic"
    assert classify(caught(lambda: json.loads("{"))).provider is None


def test_the_base_class_of_httpx_s_timeouts() -> None:
    """Recorders and mocks raise it; a bare one is no deadline of the caller's own."""
    for library in (httpx, httpx2):
        assert verdict_of(library.TimeoutException("")) == TIMEOUT
        assert verdict_of(library.TimeoutException("No response")) == TIMEOUT
