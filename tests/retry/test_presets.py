"""Other clients' schedules: the rows against the installed code, and how a row is read."""

from __future__ import annotations

import itertools
import math
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import anthropic
import botocore.retries.standard as botocore_retries
import google.api_core.retry.retry_base as google_retries
import openai
import pytest
import tenacity
from botocore.awsrequest import AWSResponse
from hypothesis import given
from hypothesis import strategies as st

from chatlab.retry import (
    PRESETS,
    AboveLimit,
    Backoff,
    Preset,
    RetryAfterUse,
    Schedule,
    preset_named,
)

HINTS = (None, 0.0, 0.5, 1.0, 7.5, 59.0, 60.0, 61.0, 119.0, 120.0, 121.0, 300.0, 301.0, 3600.0)

ALMOST_ONE = math.nextafter(1, 0)


def spans(schedule: Schedule) -> list[tuple[float, float]]:
    """The waits, rounded to the microsecond."""
    return [(round(low, 6), round(high, 6)) for low, high in schedule.waits]


class Failing(BaseHTTPRequestHandler):
    """Answers 500, with the path's last part as ``retry-after-ms`` unless it is ``none``."""

    def do_GET(self) -> None:
        """Fail."""
        asked = self.path.rpartition("/")[2]
        self.send_response(500)
        if asked != "none":
            self.send_header("retry-after-ms", asked)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def failing_url() -> Iterator[str]:
    """A server on a loopback socket that always fails."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


SDKS: list[tuple[ModuleType, Callable[..., Any]]] = [
    (openai, openai.OpenAI),
    (anthropic, anthropic.Anthropic),
]


@pytest.mark.parametrize("hint_s", HINTS)
@pytest.mark.parametrize(("sdk", "client"), SDKS, ids=["openai", "anthropic"])
def test_the_official_clients_wait_as_their_rows_say(
    sdk: ModuleType,
    client: Callable[..., Any],
    hint_s: float | None,
    failing_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The installed client, made to fail at both ends of its jitter, sleeps the spans."""
    asked = "none" if hint_s is None else str(hint_s * 1000)
    ends: list[list[float]] = []
    for drawn in (ALMOST_ONE, 0.0):
        slept: list[float] = []
        monkeypatch.setattr(f"{sdk.__name__}._base_client.random", lambda drawn=drawn: drawn)
        monkeypatch.setattr(f"{sdk.__name__}._base_client.time.sleep", slept.append)
        caller = client(api_key="none", base_url=failing_url)
        with caller, pytest.raises(sdk.InternalServerError):
            caller.get(f"/{asked}", cast_to=object)
        ends.append([round(delay_s, 6) for delay_s in slept])
    assert list(zip(*ends, strict=True)) == spans(PRESETS[sdk.__name__].schedule(hint_s))


@pytest.mark.parametrize("hint_s", HINTS)
@pytest.mark.parametrize(
    ("name", "code"), [("botocore-throttled", "ThrottlingException"), ("botocore-transient", "")]
)
def test_botocore_waits_as_its_rows_say(name: str, code: str, hint_s: float | None) -> None:
    """Its backoff for each attempt, at both ends of its jitter, with and without its own header."""
    headers = {} if hint_s is None else {"x-amz-retry-after": str(int(hint_s * 1000))}
    detector = botocore_retries.ThrottlingErrorDetector(botocore_retries.RetryEventAdapter())
    real = []
    for attempt in range(1, botocore_retries.DEFAULT_MAX_ATTEMPTS):
        context = botocore_retries.RetryContext(
            attempt,
            parsed_response={"Error": {"Code": code}},
            http_response=AWSResponse("https://bedrock", 500, headers, None),
        )
        low_s, high_s = (
            botocore_retries.ExponentialBackoff(
                random=lambda drawn=drawn: drawn, throttling_detector=detector
            ).delay_amount(context)
            for drawn in (0.0, 1.0)
        )
        real.append((round(low_s, 6), round(high_s, 6)))
    assert real == spans(PRESETS[name].schedule(hint_s))


def test_google_api_core_waits_as_its_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sleep generator at both ends, and its deadline."""
    ends: list[list[float]] = []
    for end in (0, 1):
        monkeypatch.setattr(random, "uniform", lambda low, high, end=end: (low, high)[end])
        sleeps = google_retries.exponential_sleep_generator(
            google_retries._DEFAULT_INITIAL_DELAY, google_retries._DEFAULT_MAXIMUM_DELAY
        )
        ends.append(list(itertools.islice(sleeps, 6)))
    schedule = PRESETS["google-api-core"].schedule()
    assert list(zip(*ends, strict=True)) == spans(schedule)
    assert schedule.worst_s == google_retries._DEFAULT_DEADLINE
    assert "its deadline is 2 min" in schedule.sentence


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("tenacity", tenacity.Retrying().wait),
        ("openai-cookbook", tenacity.wait_random_exponential(min=1, max=60)),
        ("llama-index", tenacity.wait_random_exponential(min=1, max=20)),
        ("pydantic-ai", tenacity.wait_exponential(multiplier=1, max=60)),
    ],
)
def test_tenacitys_strategies_wait_as_the_rows_built_on_them_say(
    name: str, strategy: Callable[[tenacity.RetryCallState], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The strategy that each client configures, at both ends of its draw."""
    row = PRESETS[name]
    ends: list[list[float]] = []
    for end in (0, 1):
        monkeypatch.setattr(random, "uniform", lambda low, high, end=end: (low, high)[end])
        waits = []
        for number in range(1, row.attempts or 25):
            state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
            state.attempt_number = number
            waits.append(float(strategy(state)))
        ends.append(waits)
    assert list(zip(*ends, strict=True)) == spans(row.schedule())


@pytest.mark.parametrize(
    ("name", "hint_s", "expected"),
    [
        ("vercel-ai-sdk", None, [(2, 2), (4, 4)]),
        ("vercel-ai-sdk", 0.0, [(0, 0), (0, 0)]),
        ("vercel-ai-sdk", 1.0, [(1, 1), (1, 1)]),
        ("vercel-ai-sdk", 59.9, [(59.9, 59.9), (59.9, 59.9)]),
        ("vercel-ai-sdk", 60.0, [(2, 2), (4, 4)]),
        ("litellm", None, [(0.5, 1.25), (1, 1.75)]),
        ("litellm", 60.0, [(60, 60.75), (60, 60.75)]),
        ("litellm", 61.0, [(0.5, 1.25), (1, 1.75)]),
        ("litellm", 34.4, [(0.5, 1.25), (1, 1.75)]),
        ("langchain", 30.0, [(0.75, 1.25), (1.5, 2.5)]),
        ("llama-index", 5.0, [(5, 5), (5, 5)]),
        ("llama-index", 3600.0, [(120, 120)]),
        ("pydantic-ai", 3600.0, [(300, 300)] * 24),
        ("mux", 30.0, [(min(2**n, 60), min(2**n, 60)) for n in range(1, 25)]),
        ("codex-stream", 11.0, [(11, 11)] * 5),
        ("codex-request", 11.0, [(0.18, 0.22), (0.36, 0.44), (0.72, 0.88), (1.44, 1.76)]),
        ("gemini-cli", 300.0, [(300, 360)] * 9),
        ("gemini-cli", 301.0, []),
        ("gemini-cli", 8.0, [(8, 9.6), (16, 19.2), *[(30, 36)] * 7]),
        ("gemini-cli", None, [(3.5, 6.5), (7, 13), (14, 26), *[(21, 39)] * 6]),
    ],
)
def test_each_client_treats_a_hint_in_its_own_way(
    name: str, hint_s: float | None, expected: list[tuple[float, float]]
) -> None:
    """The cases that tell the clients apart."""
    assert spans(PRESETS[name].schedule(hint_s)) == expected


def test_stamina_adds_its_jitter_below_its_limit() -> None:
    """Up to a second on 0.1, 0.2, 0.4 ..., never above 5 s."""
    waits = spans(PRESETS["stamina"].schedule())
    assert waits[:3] == [(0.1, 1.1), (0.2, 1.2), (0.4, 1.4)]
    assert (len(waits), waits[-1]) == (9, (5, 5))


def test_a_hint_that_shortens_a_long_backoff_is_used() -> None:
    """The one client that takes a hint above its limit if that is the shorter of the two."""
    row = PRESETS["vercel-ai-sdk"]
    patient = Preset(
        **{name: getattr(row, name) for name in Preset.__dataclass_fields__} | {"attempts": 8}
    )
    assert [high for _, high in patient.schedule(70).waits] == [2, 4, 8, 16, 32, 64, 70]


def test_every_row_says_where_it_was_read() -> None:
    """A version or a commit, a file, and which hints the client sees."""
    for name, row in PRESETS.items():
        assert row.name == name
        assert any(how in row.source for how in ("installed", "wheel", "repository")), name
        assert any(char.isdigit() for char in row.source), name
        assert any(end in row.source for end in (".py", ".ts", ".rs", "decorator")), name
        assert row.reads, name


def test_every_treatment_is_some_clients() -> None:
    """No word of the vocabulary is there for nobody."""
    assert {row.hint for row in PRESETS.values()} == set(RetryAfterUse)
    used = {row.over for row in PRESETS.values() if row.hint is not RetryAfterUse.IGNORE}
    assert used == set(AboveLimit)


@given(
    st.sampled_from(sorted(PRESETS)),
    st.none() | st.floats() | st.floats(0, 1e5),
    st.none() | st.integers(1, 60),
)
def test_every_schedule_is_finite_and_ordered(
    name: str, hint_s: float | None, attempts: int | None
) -> None:
    """Whatever the hint, each wait is a span of finite seconds and there are not too many."""
    row = PRESETS[name]
    schedule = row.schedule(hint_s, attempts)
    for low_s, high_s in schedule.waits:
        assert 0 <= low_s <= high_s < math.inf
        assert type(low_s) is type(high_s) is float
    assert len(schedule.waits) < min(attempts or 25, row.attempts or 60)
    assert schedule.sentence


def test_presets_and_policies_are_drawn_alike() -> None:
    """Both give a `Schedule`, so that one figure overlays them."""
    ours = Backoff().schedule(attempts=3)
    theirs = PRESETS["mux"].schedule(attempts=3)
    assert spans(ours) == [(1, 1), (2, 2)]
    assert spans(theirs) == [(2, 2), (4, 4)]
    assert ours.sentence == "worst case you wait 3 s in 3 attempts, and it goes on"


def test_an_unknown_name_suggests_the_near_one() -> None:
    """Spelling is forgiven with a hint."""
    assert preset_named("openai") is PRESETS["openai"]
    with pytest.raises(KeyError, match="did you mean 'gemini-cli'"):
        preset_named("gemini_cli")
    with pytest.raises(KeyError, match="there are openai, anthropic"):
        preset_named("?")
