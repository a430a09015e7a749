"""Answers that only one SDK understands: AWS, Google, gRPC."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Final

from chatlab.lab.capture.faults.fault import ClientFault, Label
from chatlab.lab.capture.faults.plans import Plan, answer


def _aws(error: str, status: int, message: str) -> Plan:
    body = json.dumps({"message": message})
    return answer(status, body, x_amzn_errortype=error)


def _aws_event(error: str, message: str) -> Plan:
    headers = b""
    named = {":exception-type": error, ":content-type": "application/json"}
    for name, value in {**named, ":message-type": "exception"}.items():
        headers += bytes((len(name),)) + name.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    payload = json.dumps({"message": message}).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    whole += struct.pack(">I", zlib.crc32(whole))
    return answer(200, whole, content_type="application/vnd.amazon.eventstream")


def _google(status: int, word: str, message: str, details: list[object]) -> Plan:
    error = {"code": status, "message": message, "status": word, "details": details}
    return answer(status, json.dumps({"error": error}))


_DAY_QUOTA: Final = [
    {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [
            {
                "quotaMetric": (
                    "generativelanguage.googleapis.com/generate_content_paid_tier_requests"
                ),
                "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
            }
        ],
    },
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "21s"},
]

AWS: Final = (
    ClientFault(
        "throttled",
        Label("rate_limit", True, "ThrottlingException: a quota that refills by itself", 429),
        _aws("ThrottlingException", 429, "Too many requests, please wait before trying again."),
        provider="bedrock",
    ),
    ClientFault(
        "throttled-after-retries",
        Label(
            "rate_limit",
            True,
            "ThrottlingException, after botocore's own retries were used up",
            429,
        ),
        _aws("ThrottlingException", 429, "Too many requests, please wait before trying again."),
        knobs={"attempts": 2},
        provider="bedrock",
    ),
    ClientFault(
        "stream-throttled",
        Label("rate_limit", True, "ThrottlingException as an event inside a 200 stream"),
        _aws_event("throttlingException", "Too many requests, please wait before trying again."),
        knobs={"stream": True},
        provider="bedrock",
    ),
    ClientFault(
        "stream-internal",
        Label("generic", True, "InternalServerException as an event inside a 200 stream"),
        _aws_event("internalServerException", "The system encountered an unexpected error."),
        knobs={"stream": True},
        provider="bedrock",
    ),
    ClientFault(
        "service-unavailable",
        Label(
            "timeout",
            True,
            "ServiceUnavailableException with 503 and no word of load",
            503,
            accept={"kind": ["overloaded"]},
        ),
        _aws("ServiceUnavailableException", 503, "The service is temporarily unavailable."),
        provider="bedrock",
    ),
    ClientFault(
        "model-timeout",
        Label("timeout", True, "ModelTimeoutException: the model took too long", 408),
        _aws("ModelTimeoutException", 408, "The model took too long to answer."),
        provider="bedrock",
    ),
    ClientFault(
        "model-not-ready",
        Label(
            "timeout",
            True,
            "ModelNotReadyException: the model is still loading",
            429,
            accept={"kind": ["rate_limit", "overloaded"]},
        ),
        _aws("ModelNotReadyException", 429, "The model is not ready to serve inference requests."),
        provider="bedrock",
    ),
    ClientFault(
        "model-access-denied",
        Label("config", False, "the model is not enabled for this account, said as a 403", 403),
        _aws(
            "AccessDeniedException",
            403,
            "You don't have access to the model with the specified model ID.",
        ),
        provider="bedrock",
    ),
    ClientFault(
        "expired-token",
        Label("auth", False, "the session token has expired", 403),
        _aws("ExpiredTokenException", 403, "The security token included in the request is expired"),
        provider="bedrock",
    ),
    ClientFault(
        "unrecognized-client",
        Label("auth", False, "the access key is not known", 403),
        _aws(
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
        ),
        provider="bedrock",
    ),
    ClientFault(
        "model-id-invalid",
        Label("config", False, "the model identifier is not known", 400),
        _aws("ValidationException", 400, "The provided model identifier is invalid."),
        provider="bedrock",
    ),
    ClientFault(
        "input-too-long",
        Label("config", False, "the input is longer than the context window", 400),
        _aws("ValidationException", 400, "Input is too long for requested model."),
        provider="bedrock",
    ),
    ClientFault(
        "internal-server",
        Label("generic", True, "InternalServerException: the provider's own fault", 500),
        _aws("InternalServerException", 500, "The system encountered an unexpected error."),
        provider="bedrock",
    ),
    ClientFault(
        "no-credentials",
        Label("auth", False, "no credentials were found before anything was sent"),
        knobs={"no_credentials": True},
        provider="bedrock",
    ),
)

GOOGLE: Final = (
    ClientFault(
        "resource-exhausted",
        Label("rate_limit", True, "a per-minute quota with RetryInfo of 21 s", 429, 21.0),
        _google(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
            _DAY_QUOTA,
        ),
        provider="google",
    ),
    ClientFault(
        "model-overloaded",
        Label(
            "overloaded", True, "UNAVAILABLE whose message says that the model is overloaded", 503
        ),
        _google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.", []),
        provider="google",
    ),
    ClientFault(
        "api-key-invalid",
        Label("auth", False, "reason API_KEY_INVALID, said with a 400", 400),
        _google(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                }
            ],
        ),
        provider="google",
    ),
)

GRPC: Final = (
    ClientFault(
        "answer-too-large",
        Label(
            "generic",
            False,
            "RESOURCE_EXHAUSTED, but of the client's own limit on the size of one message",
        ),
        knobs={"grpc_server": "large-answer"},
    ),
    ClientFault(
        "no-method",
        Label("generic", False, "UNIMPLEMENTED: the server has no such method"),
        knobs={"grpc_server": "no-method"},
    ),
    ClientFault(
        "server-unauthenticated",
        Label("auth", False, "UNAUTHENTICATED by the server"),
        knobs={"grpc_server": "UNAUTHENTICATED"},
    ),
    ClientFault(
        "server-resource-exhausted",
        Label("rate_limit", True, "RESOURCE_EXHAUSTED by the server, no word of money"),
        knobs={"grpc_server": "RESOURCE_EXHAUSTED"},
    ),
    ClientFault(
        "server-internal",
        Label("generic", True, "INTERNAL by the server"),
        knobs={"grpc_server": "INTERNAL"},
    ),
)
