"""Of a group one member speaks, and it gives every field of the verdict."""

from __future__ import annotations

import asyncio
from typing import Final

import botocore.exceptions
import httpx
import httpx2
import openai
import pytest
from support.real_calls import caught, verdict_of

from chatlab.errors import Kind, Verdict, classify, observe, with_verdict

QUOTA: Final = {"message": "You exceeded your current quota.", "code": "insufficient_quota"}


def limited(status: int = 429, **headers: str) -> openai.APIStatusError:
    """What the OpenAI SDK raises for a status, at OpenAI's own host."""
    request = httpx2.Request("POST", "https://api.openai.com/v1/chat/completions")
    answer = httpx2.Response(status, request=request, headers=headers, json={"error": QUOTA})
    with openai.OpenAI(api_key="none") as client:
        return client._make_status_error_from_response(answer)


def throttled() -> botocore.exceptions.ClientError:
    """What botocore raises for a throttled call."""
    answer = {
        "Error": {"Code": "ThrottlingException", "Message": "Too many tokens. Wait 7 seconds."},
        "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {"retry-after": "7"}},
    }
    return botocore.exceptions.ClientError(answer, "Converse")


def test_one_member_gives_every_field() -> None:
    """A spent quota at OpenAI and a throttle at Bedrock are never one failure of both."""
    quota, throttle = limited(), throttled()
    for first, second in ((quota, throttle), (throttle, quota)):
        group = ExceptionGroup("two", [first, second])
        whole, alone = classify(group), classify(first)
        for name in ("kind", "retryable", "provider", "status_code", "retry_after_s", "detail"):
            assert getattr(whole, name) == getattr(alone, name), name
        assert observe(group).body == observe(first).body


@pytest.mark.parametrize(
    "other",
    [
        KeyError("rate_limit"),
        ValueError("overloaded"),
        RuntimeError("unrelated"),
        asyncio.CancelledError(),
    ],
    ids=repr,
)
def test_a_provider_s_failure_speaks_before_other_members(other: BaseException) -> None:
    """A bug, a plain error and a cancelled task beside it change nothing, on either side."""
    alone = verdict_of(limited())
    assert verdict_of(BaseExceptionGroup("two", [other, limited()])) == alone
    assert verdict_of(BaseExceptionGroup("two", [limited(), other])) == alone


def test_a_lost_connection_speaks_before_a_bug() -> None:
    """A member without any answer is a provider's failure as well."""
    lost = httpx.ConnectError("All connection attempts failed")
    lost.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert verdict_of(ExceptionGroup("two", [NameError("overloaded"), lost])) == ("timeout", True)


def test_words_that_name_a_status_speak_before_words_that_do_not() -> None:
    """Where no member has a structure, the first whose text names a status or a provider."""
    group = ExceptionGroup("two", [ValueError("mine"), RuntimeError("Error code: 429 - slow down")])
    assert verdict_of(group) == ("rate_limit", True)
    assert classify(group).status_code == 429


def test_a_person_s_interruption_speaks_before_everything() -> None:
    """Ctrl-C is nobody's failure."""
    group = BaseExceptionGroup("two", [limited(), KeyboardInterrupt()])
    assert classify(group).rule == "person-interrupted"


def test_groups_in_groups_and_members_with_causes() -> None:
    """A member speaks with its own chain, however deep the groups are nested."""
    outer = RuntimeError("the agent failed")
    outer.__cause__ = limited()
    deep: Exception = ExceptionGroup("inner", [KeyError("x"), outer])
    for number in range(50):
        deep = ExceptionGroup(f"level {number}", [ValueError("mine"), deep])
    verdict = classify(ExceptionGroup("outer", [TypeError("mine"), deep]))
    assert isinstance(verdict, Verdict)
    nested = ExceptionGroup("outer", [ValueError("mine"), ExceptionGroup("inner", [outer])])
    assert verdict_of(nested) == verdict_of(limited())
    assert classify(nested).status_code == 429


def test_a_verdict_attached_to_a_member_decides() -> None:
    """It was made on purpose."""
    purpose = Verdict(Kind.STREAM_SILENCE_TIMEOUT, retryable=True)
    member = with_verdict(RuntimeError("x"), purpose)
    assert classify(ExceptionGroup("two", [ValueError("mine"), member])) is purpose


def test_a_wide_group_is_read_in_bounded_work() -> None:
    """Of ten thousand members only so many are looked at; a group that holds itself ends."""
    wide = ExceptionGroup("wide", [ValueError(str(number)) for number in range(10_000)])
    wide.__cause__ = wide
    assert verdict_of(ExceptionGroup("outer", [wide, wide])) == ("generic", False)


def test_a_task_group_s_failure() -> None:
    """The group that asyncio raises, with the provider's failure and one of the program's own."""

    async def failing(error: Exception) -> None:
        raise error

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing(KeyError("overloaded")))
            group.create_task(failing(throttled()))

    verdict = classify(caught(lambda: asyncio.run(main())))
    assert (verdict.kind, verdict.provider, verdict.retry_after_s) == ("rate_limit", "bedrock", 7.0)
