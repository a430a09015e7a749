"""The exceptions of Google's SDK, of gRPC and of google-api-core, and their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc  # type: ignore[import-untyped]
import pytest
import requests
from google import genai
from google.api_core import exceptions as google_exceptions
from google.api_core import grpc_helpers
from google.api_core import retry as google_retry
from google.genai import types as genai_types
from google.protobuf import (
    any_pb2,  # type: ignore[import-untyped]
    duration_pb2,  # type: ignore[import-untyped]
)
from google.rpc import (
    code_pb2,  # type: ignore[import-untyped]
    error_details_pb2,  # type: ignore[import-untyped]
    status_pb2,  # type: ignore[import-untyped]
)
from grpc_status import rpc_status  # type: ignore[import-untyped]
from support.real_calls import KEY, TIMEOUT, caught, caught_async, verdict_of
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import classify

if TYPE_CHECKING:
    from support.sockets import Serve


wrapped_errors: Callable[..., Callable[..., object]] = grpc_helpers.wrap_errors


def google_error(code: int, status: str, message: str, *details: object) -> object:
    return {"error": {"code": code, "message": message, "status": status, "details": [*details]}}


RETRY_INFO: Final = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}


QUOTA: Final = "You exceeded your current quota, please check your plan and billing details."


GOOGLE: Final = [
    (google_error(429, "RESOURCE_EXHAUSTED", QUOTA, RETRY_INFO), "rate_limit", True, 34.4),
    (google_error(503, "UNAVAILABLE", "The model is overloaded."), "overloaded", True, None),
    (
        google_error(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}),
        "auth",
        False,
        None,
    ),
    (
        google_error(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
        "config",
        False,
        None,
    ),
    (google_error(500, "INTERNAL", "An internal error has occurred."), "generic", True, None),
    (google_error(504, "DEADLINE_EXCEEDED", "Deadline expired."), "timeout", True, None),
]


def genai_call(url: str, is_async: bool, timeout_ms: int = 5000) -> BaseException:
    """What generating content at `url` raises."""
    options = genai_types.HttpOptions(base_url=url, timeout=timeout_ms)
    with genai.Client(api_key=KEY, http_options=options) as client:

        async def awaited() -> object:
            async with client.aio as aclient:
                return await aclient.models.generate_content(model="gemini-pro", contents="hi")

        if is_async:
            return caught_async(awaited)
        return caught(lambda: client.models.generate_content(model="gemini-pro", contents="hi"))


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("body", "kind", "retryable", "retry_after_s"), GOOGLE)
def test_google_genai_errors(
    serve: Serve,
    body: dict[str, dict[str, Any]],
    kind: str,
    retryable: bool,
    retry_after_s: float | None,
    is_async: bool,
) -> None:
    """The JSON status, its details and the retry delay are read from the error's own attributes."""
    error = genai_call(serve(answer(response(body["error"]["code"], body))).url, is_async)
    assert isinstance(error, genai.errors.APIError)
    verdict = classify(error)
    assert verdict_of(error) == (kind, retryable), verdict.explain()
    assert (verdict.provider, verdict.status_code) == ("google", body["error"]["code"])
    assert verdict.retry_after_s == retry_after_s
    assert verdict.detail == body["error"]["message"]


def test_google_genai_transport_errors(serve: Serve, closed_port: int) -> None:
    """They are the HTTP library's own."""
    assert verdict_of(genai_call(f"http://{LOOPBACK}:{closed_port}", False)) == TIMEOUT
    silent = serve(answer(b"", then="stall"))
    assert verdict_of(genai_call(silent.url, False, timeout_ms=200)) == TIMEOUT


@contextmanager
def rpc(refuse: Callable[[Any], object]) -> Iterator[Callable[..., object]]:
    """A call to a real gRPC server whose every method does `refuse` to its context."""

    class Everything(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: object) -> object:
            return grpc.unary_unary_rpc_method_handler(lambda _, context: refuse(context))

    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Everything(),))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        yield channel.unary_unary("/google.Service/Generate")
    server.stop(0).wait()


@pytest.mark.parametrize(
    ("code", "message", "kind", "retryable", "status"),
    [
        ("RESOURCE_EXHAUSTED", "Quota exceeded for metric x", "rate_limit", True, 429),
        ("UNAVAILABLE", "The model is overloaded.", "overloaded", True, 503),
        ("UNAVAILABLE", "Try later.", "timeout", True, 503),
        ("UNAUTHENTICATED", "Invalid authentication credentials.", "auth", False, 401),
        ("PERMISSION_DENIED", "Denied.", "auth", False, 403),
        ("NOT_FOUND", "Publisher Model x was not found", "config", False, 404),
        ("INVALID_ARGUMENT", "Request contains an invalid argument.", "generic", False, 400),
        ("INTERNAL", "Internal error encountered.", "generic", True, 500),
        ("DEADLINE_EXCEEDED", "Deadline exceeded.", "timeout", True, 504),
        ("CANCELLED", "Cancelled.", "generic", False, 499),
    ],
)
def test_grpc_errors_bare_and_wrapped(
    code: str, message: str, kind: str, retryable: bool, status: int
) -> None:
    """A gRPC code has no HTTP status; google-api-core gives it one; both say the same."""
    with rpc(lambda context: context.abort(grpc.StatusCode[code], message)) as call:
        bare = caught(lambda: call(b"", timeout=5))
        wrapped = caught(lambda: wrapped_errors(call)(b"", timeout=5))
    assert isinstance(bare, grpc.RpcError)
    assert isinstance(wrapped, google_exceptions.GoogleAPICallError)
    assert verdict_of(bare) == (kind, retryable), classify(bare).explain()
    assert verdict_of(wrapped) == (kind, retryable), classify(wrapped).explain()
    assert classify(bare).status_code is None
    assert (classify(wrapped).status_code, classify(wrapped).provider) == (status, "google")
    assert classify(bare).detail == classify(wrapped).detail == message


def test_a_retry_delay_in_grpc_details() -> None:
    """google-api-core prints the details of the status; the delay among them is the hint."""
    info = any_pb2.Any()
    delay = duration_pb2.Duration(seconds=34, nanos=400_000_000)
    info.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(
        code=code_pb2.RESOURCE_EXHAUSTED, message="Quota exceeded", details=[info]
    )
    with rpc(lambda context: context.abort_with_status(rpc_status.to_status(status))) as call:
        error = caught(lambda: wrapped_errors(call)(b"", timeout=5))
    assert "retry_delay" in str(error)
    assert verdict_of(error) == ("rate_limit", True)
    assert classify(error).retry_after_s == 34.4


def test_google_api_core_over_http_and_its_own_retries(serve: Serve, closed_port: int) -> None:
    """The body of the response beats the few details that the exception keeps; causes count."""
    body = google_error(429, "RESOURCE_EXHAUSTED", QUOTA, RETRY_INFO)
    with requests.get(serve(answer(response(429, body))).url) as answered:
        error = google_exceptions.from_http_response(answered)  # type: ignore[no-untyped-call]
    assert verdict_of(error) == ("rate_limit", True)
    assert (classify(error).retry_after_s, classify(error).detail) == (34.4, QUOTA)
    with grpc.insecure_channel(f"{LOOPBACK}:{closed_port}") as channel:
        call = wrapped_errors(channel.unary_unary("/google.Service/Generate"))
        again = google_retry.Retry(initial=0.01, maximum=0.01, timeout=0.05)
        gave_up = caught(lambda: again(call)(b"", timeout=1))
    assert isinstance(gave_up, google_exceptions.RetryError)
    assert verdict_of(gave_up) == TIMEOUT
    assert classify(gave_up).status_code == 503
