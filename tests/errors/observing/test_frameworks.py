"""What LiteLLM and frameworks put around a provider's failure, and what they invent."""

from __future__ import annotations

import typing
from datetime import timedelta
from typing import Any, ClassVar, Final

import anthropic
import botocore.exceptions
import httpx
import httpx2
import openai
import pydantic
import pytest
from support.real_calls import FINAL, TIMEOUT, caught, verdict_of

from chatlab.errors import classify

# --- LiteLLM, whose exceptions are shaped here as its 1.110 raises them --------------------------


class ProviderError(Exception):
    """What LiteLLM's transport raises: the status and the headers that the provider sent."""

    def __init__(self, said: str, status: int | None = None, **headers: str) -> None:
        super().__init__(said)
        if status is not None:
            self.status_code, self.headers = status, headers


def mapped(name: str, of: Exception, **carried: object) -> BaseException:
    """A LiteLLM exception that a mapping function raises while `of` is handled."""
    kind = type(name, (Exception,), {"__module__": "litellm.exceptions", **carried})

    def mapping() -> None:
        raise kind(f"litellm.{name}: AnthropicException - {of}")

    def completion() -> None:
        try:
            raise of
        except Exception:
            mapping()

    return caught(completion)


OVERLOADED: Final = (
    '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
)


def test_litellm_s_context_is_the_provider_s_answer() -> None:
    """An exception that quotes its context was made from it; the true status is in there."""
    answered = ProviderError(OVERLOADED, 529, **{"retry-after": "9"})
    error = mapped("InternalServerError", answered, status_code=500, llm_provider="anthropic")
    verdict = classify(error)
    assert verdict_of(error) == ("overloaded", True)
    assert (verdict.status_code, verdict.retry_after_s, verdict.provider) == (529, 9.0, "anthropic")


def test_litellm_s_own_fields_beat_its_inventions() -> None:
    """The headers and the status that it keeps apart, beside an empty response and a 500."""
    invented = httpx.Response(500, request=httpx.Request("POST", "https://api.openai.com/v1"))
    error = mapped(
        "RateLimitError",
        ValueError("?"),
        status_code=500,
        provider_status_code=429,
        response=invented,
        litellm_response_headers={"llm_provider-retry-after": "7", "x-request-id": "1"},
        llm_provider="groq",
    )
    verdict = classify(error)
    assert (verdict.status_code, verdict.retry_after_s) == (429, 7.0)
    assert verdict.provider == "openai-compat"


def test_litellm_invents_a_status_for_a_lost_connection() -> None:
    """Nobody answered: there is no status, whatever class the client gives the failure."""
    lost = httpx.ConnectError("[Errno 111] Connection refused")
    for name in ("InternalServerError", "APIConnectionError", "MidStreamFallbackError"):
        error = mapped(name, lost, status_code=500, llm_provider="openai")
        assert verdict_of(error) == TIMEOUT, name
        assert classify(error).status_code is None, name


def test_litellm_invents_a_status_inside_a_stream() -> None:
    """The stream began with 200; its error event has no status."""
    event = mapped(
        "InternalServerError",
        ProviderError("Overloaded"),
        provider_status_code=529,
        llm_provider="anthropic",
    )
    error = mapped("MidStreamFallbackError", ValueError("?"), original_exception=event)
    assert verdict_of(error) == ("overloaded", True)
    assert classify(error).status_code is None


def test_a_code_in_place_of_a_status() -> None:
    """LiteLLM writes the code of a 200 with an error body into ``status_code``."""
    error = mapped("APIError", ValueError("?"), status_code="insufficient_quota")
    assert verdict_of(error) == ("usage_limit", False)
    assert classify(error).status_code is None


def test_headers_that_the_litellm_proxy_passes_on() -> None:
    """Their prefix is taken off; the proxy's own header of that name counts first."""
    request = httpx2.Request("POST", "http://proxy.example")
    headers = {"llm_provider-retry-after-ms": "1500", "llm_provider-x-should-retry": "false"}
    relayed = httpx2.Response(429, request=request, headers=headers)
    verdict = classify(openai.RateLimitError("slow down", response=relayed, body=None))
    assert (verdict.retry_after_s, verdict.retryable) == (1.5, False)


# --- frameworks ----------------------------------------------------------------------------------


def test_a_status_inside_a_stream_was_never_sent() -> None:
    """pydantic-ai gives a failure inside a stream a 500."""

    class ModelAPIError(Exception):
        status_code: ClassVar[int] = 500
        in_stream: ClassVar[bool] = True

    assert classify(ModelAPIError("the stream broke")).status_code is None


def test_a_rate_limit_that_a_framework_calls_a_context_window() -> None:
    """dspy's class for a limit of tokens per minute; the status and the words decide."""
    request = httpx2.Request("POST", "https://api.anthropic.com/v1/messages")
    limited = httpx2.Response(429, request=request, headers={"retry-after": "2"})
    kind = type("ContextWindowExceededError", (Exception,), {"__module__": "dspy.utils"})

    def call() -> None:
        said = "This request would exceed your rate limit of tokens per minute."
        raise kind("too long") from anthropic.RateLimitError(said, response=limited, body=None)

    error = caught(call)
    assert verdict_of(error) == ("rate_limit", True)
    assert classify(error).retry_after_s == 2.0
    assert verdict_of(kind("too long")) == ("config", False)


def test_what_pydantic_quotes_is_no_evidence() -> None:
    """Neither the input, which may be a prompt, nor the values that are allowed."""

    class Answer(pydantic.BaseModel):
        """A model with a field of a few allowed values."""

        state: typing.Literal["stop", "content_filter", "timeout"]

    error = caught(lambda: Answer(state="insufficient_quota"))  # type: ignore[arg-type]
    assert isinstance(error, pydantic.ValidationError)
    assert verdict_of(error) == FINAL
    cut = caught(lambda: Answer.model_validate_json('{"state": "st'))
    assert verdict_of(cut) == TIMEOUT


@pytest.mark.parametrize(
    ("carried", "wait_s"),
    [
        ({"retry_after": 7}, 7.0),
        ({"retry_after": "12.5"}, 12.5),
        ({"retry_after": timedelta(minutes=2)}, 120.0),
        ({"retry_after_ms": 300}, 0.3),
        ({"reset_seconds": 90}, 90.0),
        ({"reset_time": "29m28s"}, 1768.0),
        ({"retry_after": float("nan")}, None),
        ({"retry_after": -1}, None),
        ({"retry_after": True}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": 10**400}, None),
    ],
    ids=repr,
)
def test_waits_in_attributes(carried: dict[str, object], wait_s: float | None) -> None:
    """Under the names that clients use; what is no finite number of seconds is none."""
    error = type("SlowDown", (Exception,), carried)("rate limit reached")
    assert classify(error).retry_after_s == wait_s


def test_a_header_beats_an_attribute() -> None:
    """Which was read from it, or from something weaker."""
    request = httpx2.Request("POST", "https://api.openai.com/v1")
    limited = httpx2.Response(429, request=request, headers={"retry-after": "3"})
    error: Any = openai.RateLimitError("slow down", response=limited, body=None)
    error.retry_after = 60
    assert classify(error).retry_after_s == 3.0


def test_the_wait_that_aws_names() -> None:
    """In milliseconds, in a header of its own."""
    answered: Any = {
        "Error": {"Code": "ThrottlingException", "Message": "Too many requests"},
        "ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"x-amz-retry-after": "7000"}},
    }
    verdict = classify(botocore.exceptions.ClientError(answered, "Converse"))
    assert (verdict.retry_after_s, verdict.retry_after_source) == (7.0, "headers.x-amz-retry-after")
