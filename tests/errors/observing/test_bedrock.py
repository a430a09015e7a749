"""The exceptions of botocore, and their verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.session
import pytest
from support.bedrock_calls import bedrock, converse
from support.real_calls import FINAL, TIMEOUT, caught, verdict_of
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import classify

if TYPE_CHECKING:
    from support.sockets import Serve


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "retryable"),
    [
        (429, "ThrottlingException", "Too many tokens, please wait.", "rate_limit", True),
        (400, "ValidationException", "Input is too long for requested model.", "config", False),
        (400, "ValidationException", "The provided model identifier is invalid.", "config", False),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            "config",
            False,
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "auth",
            False,
        ),
        (403, "ExpiredTokenException", "The security token is expired", "auth", False),
        (
            503,
            "ServiceUnavailableException",
            "Bedrock is unable to process your request.",
            "timeout",
            True,
        ),
        (408, "ModelTimeoutException", "Model timed out", "timeout", True),
        (500, "InternalServerException", "An unexpected error.", "generic", True),
        (404, "ResourceNotFoundException", "Could not resolve the model.", "config", False),
    ],
)
def test_bedrock_client_errors(
    serve: Serve, status: int, code: str, message: str, kind: str, retryable: bool
) -> None:
    """The code that AWS puts into a header decides, and Bedrock is named."""
    headers = {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/"}
    error = converse(serve(answer(response(status, {"message": message}, headers))).url)
    assert isinstance(error, botocore.exceptions.ClientError)
    verdict = classify(error)
    assert verdict_of(error) == (kind, retryable), verdict.explain()
    assert (verdict.provider, verdict.status_code) == ("bedrock", status)
    assert verdict.detail == message


def test_bedrock_transport_and_local_errors(serve: Serve, closed_port: int) -> None:
    """Timers and refused connects are timeouts; missing credentials and parameters are not."""
    refused = f"http://{LOOPBACK}:{closed_port}"
    with bedrock(refused) as client:
        wrong = caught(lambda: client.converse(messages=3))
    found = {
        type(error).__name__: verdict_of(error)
        for error in (
            converse(serve(answer(b"", then="stall")).url),
            converse(refused),
            converse(serve(answer(b"")).url),
            converse(refused, key=False),
            wrong,
        )
    }
    assert found == {
        "ReadTimeoutError": TIMEOUT,
        "EndpointConnectionError": TIMEOUT,
        "ConnectionClosedError": TIMEOUT,
        "NoCredentialsError": ("auth", False),
        "ParamValidationError": FINAL,
    }
