"""The policy: how long to wait, when to stop, and what that costs at worst."""

from __future__ import annotations

import dataclasses
import math
import random
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.errors import Failure, Kind, Verdict, classify
from chatlab.retry import (
    Backoff,
    Decorrelated,
    Equal,
    Full,
    GiveUp,
    Jitter,
    Wait,
    duration,
)

JITTERS: tuple[Callable[[random.Random], Jitter], ...] = (Full, Equal, Decorrelated)


def failed(hint_s: float | None = None) -> Verdict:
    """A verdict that may be retried, with the hint or without."""
    return Verdict(Kind.RATE_LIMIT, retryable=True, retry_after_s=hint_s)


def waited(answer: Wait | GiveUp) -> float:
    """The seconds of what must be a wait."""
    assert isinstance(answer, Wait), answer
    return answer.delay_s


seconds = st.floats(min_value=0, max_value=1e6)


@st.composite
def policies(draw: st.DrawFn) -> Backoff:
    """Any policy that can be made, with every jitter."""
    jitter = draw(st.sampled_from([None, *JITTERS]))
    return Backoff(
        initial_s=draw(seconds),
        factor=draw(st.floats(min_value=1, max_value=1e3)),
        cap_s=draw(seconds),
        max_attempts=draw(st.none() | st.integers(1, 50)),
        hint_ceiling_s=draw(seconds),
        jitter=jitter and jitter(random.Random(draw(st.integers(0, 99)))),
    )


def test_the_default_waits_double_from_one_second_to_a_minute() -> None:
    """Attempt n, from 0, waits min(1 s * 2**n, 60 s): the first wait is 1 s, not 2."""
    policy = Backoff()
    assert [policy.delay_s(n) for n in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [waited(policy.wait(n, failed())) for n in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("n", [10**3, 10**9, 10**400])
def test_no_attempt_number_overflows(n: int) -> None:
    """The backoff of an absurdly late attempt is the cap, or the only value it can have."""
    assert Backoff().delay_s(n) == 60.0
    assert Backoff(initial_s=0).delay_s(n) == 0.0
    assert waited(Backoff(max_attempts=None, factor=1).wait(n, failed())) == 1.0


@given(policies(), st.integers(0, 10**12))
def test_the_plain_backoff_grows_up_to_the_cap(policy: Backoff, n: int) -> None:
    """It never falls, never exceeds the cap, and is always a finite number."""
    now, later = policy.delay_s(n), policy.delay_s(n + 1)
    assert 0 <= now <= later <= policy.cap_s
    assert math.isfinite(later)


@given(
    policies(),
    st.integers(0, 60),
    st.none() | st.floats() | st.just(10**400) | st.floats(0, 1e6),
    st.none() | seconds,
)
def test_no_hint_can_make_a_wait_shorter_endless_or_absurd(
    policy: Backoff, attempt: int, hint_s: float | None, previous_s: float | None
) -> None:
    """Every wait lies between floor and bounds, whatever the hint, the jitter and the draw."""
    answer = policy.wait(attempt, failed(hint_s), previous_s=previous_s)
    usable = hint_s is not None and 0 <= hint_s <= sys.float_info.max
    if isinstance(answer, GiveUp):
        used_up = policy.max_attempts is not None and attempt + 1 >= policy.max_attempts
        assert used_up or (usable and hint_s is not None and hint_s > policy.hint_ceiling_s)
        assert answer.resets_in_s == (hint_s if usable else None)
        return
    span = policy.span(attempt, previous_s)
    assert span.low_s <= answer.delay_s <= max(policy.cap_s, policy.hint_ceiling_s)
    assert math.isfinite(answer.delay_s)
    if usable and hint_s is not None:
        assert answer.delay_s >= hint_s
        assert answer.delay_s == hint_s or answer.delay_s <= span.high_s
    else:
        assert answer.delay_s <= span.high_s


@pytest.mark.parametrize(
    ("hint_s", "first", "fourth"),
    [
        (None, 1, 8),
        (0.0, 1, 8),
        (0.5, 1, 8),
        (1.0, 1, 8),
        (1.5, 1.5, 8),
        (34.4, 34.4, 34.4),
        (121.0, 121, 121),
        (300.0, 300, 300),
        (-5.0, 1, 8),
        (-1e9, 1, 8),
        (math.nan, 1, 8),
        (math.inf, 1, 8),
        (-math.inf, 1, 8),
        (300.001, None, None),
        (3600.0, None, None),
        (2.3e9, None, None),
        (1e300, None, None),
    ],
)
def test_a_hint_is_a_floor_under_the_backoff_and_stops_above_the_ceiling(
    hint_s: float | None, first: float | None, fourth: float | None
) -> None:
    """What the provider asks for lengthens a wait, never shortens it, and above five minutes ends
    the retrying with the time to come back; what is no number of seconds is no hint."""
    for attempt, expected in ((0, first), (3, fourth)):
        answer = Backoff().wait(attempt, failed(hint_s))
        if expected is None:
            assert isinstance(answer, GiveUp)
            assert answer.resets_in_s == hint_s
            assert "come back in" in answer.because
        else:
            assert waited(answer) == expected


RETRY_INFO = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}],
    }
}
TODAY = "Fri, 20 Nov 2026 08:00:00 GMT"
CONFORMANCE: list[tuple[dict[str, str], object, float | str]] = [
    ({"retry-after": "0.5"}, None, 1),
    ({"retry-after": "1"}, None, 1),
    ({"retry-after": "0"}, None, 1),
    ({"retry-after": "-5"}, None, 1),
    ({"retry-after": "1.5, 2"}, None, 1),
    ({"retry-after": "121"}, None, 121),
    ({"retry-after": "3600"}, None, "come back in 1 h"),
    ({"retry-after": "nan"}, None, 1),
    ({"retry-after": "1e400"}, None, 1),
    ({"retry-after": "Thu, 01 Jan 2099 00:00:00 GMT", "date": TODAY}, None, 1),
    ({"retry-after": "Thu, 01 Jan 2099 00:00:00 GMT"}, None, 1),
    ({"retry-after": "Fri, 20 Nov 2026 08:00:09 GMT", "date": TODAY}, None, 9),
    ({"retry-after": "Fri, 20 Nov 2026 09:30:00 GMT", "date": TODAY}, None, "in 1 h 30 min"),
    ({"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT", "date": TODAY}, None, 1),
    ({"retry-after-ms": "1500", "retry-after": "30"}, None, 1.5),
    ({}, RETRY_INFO, 34.4),
]


@pytest.mark.parametrize(("headers", "body", "first"), CONFORMANCE)
@pytest.mark.parametrize("jitter", [None, *JITTERS])
def test_no_retry_after_in_any_dialect_shortens_a_wait_or_blocks_the_caller(
    jitter: Callable[[random.Random], Jitter] | None,
    headers: dict[str, str],
    body: object,
    first: float | str,
) -> None:
    """From the raw response to the wait: never below the backoff, above the ceiling, or a crash."""
    verdict = classify(Failure(status=429, headers=headers, body=body))
    policy = Backoff(jitter=jitter and jitter(random.Random(1)))
    for attempt in range(24):
        answer = policy.wait(attempt, verdict)
        if isinstance(first, str):
            assert isinstance(answer, GiveUp)
            assert answer.because.endswith(first)
        else:
            assert policy.span(attempt).low_s <= waited(answer) <= policy.hint_ceiling_s
            assert waited(answer) >= (verdict.retry_after_s or 0)
    if not isinstance(first, str):
        assert waited(Backoff().wait(0, verdict)) == first


def test_what_cannot_pass_is_not_tried_again() -> None:
    """A verdict that is not retryable ends at once, and still says when the provider resets."""
    answer = Backoff(max_attempts=None).wait(
        0, Verdict(Kind.USAGE_LIMIT, retryable=False, retry_after_s=7200.0)
    )
    assert answer == GiveUp("Usage limit: trying again cannot help", 7200.0)


def test_max_attempts_counts_every_call() -> None:
    """Three attempts are two waits; one attempt is none; None never stops."""
    three = [Backoff(max_attempts=3).wait(n, failed()) for n in range(4)]
    assert [type(answer) for answer in three] == [Wait, Wait, GiveUp, GiveUp]
    assert isinstance(Backoff(max_attempts=1).wait(0, failed()), GiveUp)
    assert waited(Backoff(max_attempts=None).wait(10**9, failed())) == 60


def test_the_last_attempt_still_says_when_to_come_back() -> None:
    """A hint on the failure that used up the attempts is kept."""
    assert Backoff(max_attempts=2).wait(1, failed(42.0)) == GiveUp("the limit is 2 attempts", 42.0)


def test_a_wait_says_why_for_people() -> None:
    """The reason names backoff and hint, and counts attempts from 1."""
    policy = Backoff()
    assert policy.wait(2, failed()) == Wait(4, "the backoff after attempt 3 is 4 s")
    assert policy.wait(2, failed(34.4)) == Wait(
        34.4, "the provider asks for 34.4 s; the backoff after attempt 3 is 4 s"
    )
    assert policy.wait(2, failed(1.0)) == Wait(
        4, "the backoff after attempt 3 is 4 s; the provider asks for 1 s"
    )
    spread = Backoff(jitter=Full(random.Random(1))).wait(2, failed())
    assert spread.because.endswith("drawn from 0 s to 4 s")


@pytest.mark.parametrize("kind", JITTERS)
def test_the_same_seed_gives_the_same_waits(kind: Callable[[random.Random], Jitter]) -> None:
    """Jitter draws from the caller's generator only, so a seed fixes every wait."""

    def waits(seed: int) -> list[float]:
        policy = Backoff(jitter=kind(random.Random(seed)))
        return [waited(policy.wait(n, failed())) for n in range(24)]

    random.seed(0)
    assert waits(7) == waits(7)
    assert waits(7) != waits(8)
    assert random.random() == random.Random(0).random()


@pytest.mark.parametrize("kind", JITTERS)
def test_a_hint_is_the_floor_under_jitter_too(kind: Callable[[random.Random], Jitter]) -> None:
    """No draw goes below what the provider asked for."""
    policy = Backoff(jitter=kind(random.Random(3)), max_attempts=None)
    assert min(waited(policy.wait(n % 9, failed(20.0))) for n in range(500)) == 20.0


@pytest.mark.parametrize(
    ("kind", "spans"),
    [
        (Full, [(0, 1), (0, 2), (0, 4), (0, 60)]),
        (Equal, [(0.5, 1), (1, 2), (2, 4), (30, 60)]),
        (Decorrelated, [(1, 3), (1, 3), (1, 6), (1, 60)]),
    ],
)
def test_each_jitter_draws_from_its_own_span(
    kind: Callable[[random.Random], Jitter], spans: list[tuple[float, float]]
) -> None:
    """Full from nothing, equal from the upper half, decorrelated up to three times the last."""
    policy = Backoff(jitter=kind(random.Random(0)))
    assert [tuple(policy.span(n)) for n in (0, 1, 2, 20)] == spans
    for n, (low, high) in zip((0, 1, 2, 20), spans, strict=True):
        drawn = [waited(policy.wait(n, failed())) for _ in range(400)]
        assert low <= min(drawn) < low + (high - low) / 20
        assert high - (high - low) / 20 < max(drawn) <= high


def test_decorrelated_jitter_grows_on_from_the_wait_before() -> None:
    """Its span follows what was really waited, and the cap holds."""
    policy = Backoff(jitter=Decorrelated(random.Random(0)))
    assert policy.span(5, previous_s=1.5) == (1.0, 4.5)
    assert policy.span(1, previous_s=300.0) == (1.0, 60.0)


def test_what_a_policy_costs_at_worst() -> None:
    """The default is nineteen minutes, two hours if the provider asks for the ceiling each time."""
    plain, hinted = Backoff().schedule(), Backoff().schedule(hint_s=300)
    assert plain.worst_s == 1 + 2 + 4 + 8 + 16 + 32 + 18 * 60
    assert str(plain) == "worst case you wait 19 min 3 s, then it stops: the limit is 25 attempts"
    assert hinted.worst_s == 24 * 300
    assert hinted.sentence.startswith("worst case you wait 2 h, then it stops")


def test_a_schedule_says_where_it_ends() -> None:
    """Without a limit it goes on; above the ceiling and with one attempt there is no wait."""
    endless = Backoff(max_attempts=None).schedule(attempts=3)
    assert str(endless) == "worst case you wait 3 s in 3 attempts, and it goes on"
    assert len(Backoff(max_attempts=None).schedule().waits) == 24
    assert "come back in 1 h" in Backoff().schedule(hint_s=3600).sentence
    assert Backoff().schedule(hint_s=3600).waits == ()
    assert str(Backoff(max_attempts=1).schedule()) == (
        "you do not wait at all: the limit is 1 attempt"
    )
    assert Backoff(max_attempts=3).schedule(attempts=9).goes_on is False
    with pytest.raises(ValueError, match="attempts is 0; pass a whole number from 1 up"):
        Backoff().schedule(attempts=0)


@given(policies(), st.none() | seconds)
def test_no_call_waits_longer_than_its_schedule(policy: Backoff, hint_s: float | None) -> None:
    """Playing a policy through stays inside the spans that its schedule announces."""
    schedule = policy.schedule(hint_s)
    previous_s = None
    for attempt, span in enumerate(schedule.waits):
        assert span.low_s >= (hint_s or 0)
        delay_s = waited(policy.wait(attempt, failed(hint_s), previous_s=previous_s))
        assert span.low_s <= delay_s <= span.high_s
        previous_s = delay_s
    if not schedule.goes_on:
        assert isinstance(policy.wait(len(schedule.waits), failed(hint_s)), GiveUp)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("initial_s", -1, "initial_s is -1; it must be finite, from 0 to"),
        ("initial_s", "1", "initial_s is '1'; pass a number"),
        ("factor", 0.5, "factor is 0.5; it must be finite, from 1 to"),
        ("cap_s", math.nan, "cap_s is nan; it must be finite, from 0 to"),
        ("cap_s", 10**400, "cap_s is 10+; it must be finite, from 0 to"),
        ("hint_ceiling_s", math.inf, "hint_ceiling_s is inf; it must be finite, from 0 to"),
        ("max_attempts", 0, "max_attempts is 0; pass a whole number from 1 up"),
        ("max_attempts", 2.5, "max_attempts is 2.5; pass a whole number"),
        ("max_attempts", True, "max_attempts is True; pass a whole number"),
        ("jitter", "ful", r"jitter is 'ful'; did you mean Full\(random.Random\(1\)\)\?"),
        ("jitter", Equal, r"did you mean Equal\(random.Random\(1\)\)\?"),
        ("jitter", 0.2, "jitter is 0.2; pass Full"),
    ],
)
def test_a_field_that_cannot_be_is_refused_with_what_to_do(
    field: str, value: object, message: str
) -> None:
    """Each bad value names its field, itself, and what to pass instead."""
    with pytest.raises(ValueError, match=message):
        Backoff(**{field: value})  # type: ignore[arg-type]


def test_jitter_takes_a_generator_and_nothing_else() -> None:
    """A seed or the module would hide where the numbers come from."""
    for rng in (1, None, random):
        with pytest.raises(ValueError, match=r"Full: rng is .*pass a generator"):
            Full(rng)  # type: ignore[arg-type]


def test_attempts_count_from_zero() -> None:
    """A negative attempt is refused."""
    with pytest.raises(ValueError, match="n is -1; attempts count from 0"):
        Backoff().delay_s(-1)


def test_a_policy_is_a_value() -> None:
    """Immutable, comparable, usable as a key, and its repr is the same in every run."""
    assert {Backoff(): 1}[Backoff()] == 1
    assert dataclasses.replace(Backoff(), cap_s=9) == Backoff(cap_s=9)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Backoff().cap_s = 3  # type: ignore[misc]
    assert repr(Backoff(jitter=Full(random.Random(1)))).endswith("jitter=Full(), max_total_s=None)")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.174, "0.17 s"),
        (34.4, "34.4 s"),
        (59.999, "1 min"),
        (1143, "19 min 3 s"),
        (3600, "1 h"),
        (7199, "1 h 59 min"),
        (86_400, "1 day"),
        (270_000, "3 days 3 h"),
        (86_460, "1 day"),
    ],
)
def test_durations_read_well(seconds: float, words: str) -> None:
    """Two units at most."""
    assert duration(seconds) == words
