"""The retry schedules of other clients, to be laid beside one's own policy.

Each row says what its client does by default; `Preset` says how a row is read. Nothing of those
clients is imported: ``installed`` means read in the installed package of that version, ``wheel``
in the unpacked one, ``repository`` in its source at that commit. Tests hold the rows of openai,
anthropic, botocore, google-api-core and tenacity against the installed code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chatlab.retry.clients.preset import AboveLimit, Preset, RetryAfterUse, Spread
from chatlab.retry.schedule import Span
from chatlab.text.spelling import suggest

_OFFICIAL: Final = "retry-after-ms, retry-after in seconds, fractions allowed, or as a date"
_UP_TO_A_QUARTER_LESS: Final = Spread(Span(0.75, 1))
_FROM_NOTHING: Final = Spread(Span(0, 1))

_ROWS: Final = (
    Preset(
        name="openai",
        source="openai 3.51.0, installed: _base_client.py, _constants.py",
        reads=_OFFICIAL,
        attempts=3,
        initial_s=0.5,
        cap_s=8,
        spread=_UP_TO_A_QUARTER_LESS,
        hint=RetryAfterUse.EXACT,
        hint_limit_s=120,
        over=AboveLimit.STOP,
    ),
    Preset(
        name="anthropic",
        source="anthropic 2.10.0, installed: _base_client.py, _constants.py",
        reads=_OFFICIAL,
        attempts=3,
        initial_s=0.5,
        cap_s=8,
        spread=_UP_TO_A_QUARTER_LESS,
        hint=RetryAfterUse.EXACT,
        hint_limit_s=4_294_967,
    ),
    Preset(
        name="vercel-ai-sdk",
        source="vercel/ai, repository 0530ac34: packages/ai/src/util/"
        "retry-with-exponential-backoff.ts",
        reads="retry-after-ms, retry-after in seconds or as a date; of 60 s and more, only one "
        "that shortens the backoff",
        attempts=3,
        initial_s=2,
        hint=RetryAfterUse.EXACT,
        hint_limit_s=math.nextafter(60, 0),
        over=AboveLimit.SHORTEN,
        zero_is_hint=True,
    ),
    Preset(
        name="litellm",
        source="litellm 1.109.1, wheel (1.106.2, installed, is the same): utils.py "
        "calculate_retry_after, constants.py, router with one deployment",
        reads="retry-after in whole seconds or as a date",
        attempts=3,
        initial_s=0.5,
        cap_s=8,
        spread=Spread(plus_s=Span(0, 0.75)),
        hint=RetryAfterUse.EXACT,
        hint_limit_s=60,
        over=AboveLimit.IGNORE,
        hint_spread=Spread(plus_s=Span(0, 0.75)),
        whole_only=True,
    ),
    Preset(
        name="langchain",
        source="langchain 1.5.0, wheel: agents/middleware/_retry.py, model_retry.py",
        reads="none",
        attempts=3,
        initial_s=1,
        cap_s=60,
        spread=Spread(Span(0.75, 1.25)),
    ),
    Preset(
        name="llama-index",
        source="llama-index-llms-openai 0.8.3, wheel: utils.py create_retry_decorator, base.py",
        reads="retry-after in seconds, on a rate limit",
        attempts=3,
        initial_s=1,
        cap_s=20,
        spread=_FROM_NOTHING,
        at_least_s=1,
        deadline_s=60,
        hint=RetryAfterUse.EXACT,
        hint_limit_s=120,
        zero_is_hint=True,
    ),
    Preset(
        name="botocore-throttled",
        source="botocore 1.44.5, installed: retries/standard.py, a throttling error",
        reads="x-amz-retry-after in milliseconds",
        attempts=3,
        initial_s=1,
        cap_s=20,
        spread=_FROM_NOTHING,
        hint=RetryAfterUse.ADJUST,
        hint_limit_s=5,
    ),
    Preset(
        name="botocore-transient",
        source="botocore 1.44.5, installed: retries/standard.py, any other error",
        reads="x-amz-retry-after in milliseconds",
        attempts=3,
        initial_s=0.05,
        cap_s=20,
        spread=_FROM_NOTHING,
        hint=RetryAfterUse.ADJUST,
        hint_limit_s=5,
    ),
    Preset(
        name="google-api-core",
        source="google-api-core 2.44.0, installed: retry/retry_base.py",
        reads="none",
        attempts=None,
        initial_s=1,
        cap_s=60,
        spread=_FROM_NOTHING,
        deadline_s=120,
        counts_wait=True,
    ),
    Preset(
        name="gemini-cli",
        source="google-gemini/gemini-cli, repository 002d9105: packages/core/src/utils/retry.ts; "
        "03133430: googleQuotaErrors.ts",
        reads="RetryInfo in the body, or the words 'Please retry in'",
        attempts=10,
        initial_s=5,
        cap_s=30,
        spread=Spread(Span(0.7, 1.3)),
        hint=RetryAfterUse.MINIMUM,
        hint_limit_s=300,
        over=AboveLimit.STOP,
        hint_spread=Spread(Span(1, 1.2)),
    ),
    Preset(
        name="mux",
        source="coder/mux, repository 4a582dd4: src/node/services/retryManager.ts, retryState.ts; "
        "it counts from 1, so its 1 s is never waited",
        reads="none",
        attempts=None,
        initial_s=2,
        cap_s=60,
    ),
    Preset(
        name="codex-request",
        source="openai/codex, repository 71163530: codex-rs/codex-client/src/retry.rs; 05673f5e: "
        "codex-rs/model-provider-info/src/lib.rs; a 429 is not retried here",
        reads="none",
        attempts=5,
        initial_s=0.2,
        spread=Spread(Span(0.9, 1.1)),
    ),
    Preset(
        name="codex-stream",
        source="openai/codex, repository 54d22e3f: codex-rs/core/src/responses_retry.rs; 006373a3: "
        "codex-rs/core/src/util.rs; 05673f5e: codex-rs/model-provider-info/src/lib.rs",
        reads="the words 'try again in' of a rate limit",
        attempts=6,
        initial_s=0.2,
        spread=Spread(Span(0.9, 1.1)),
        hint=RetryAfterUse.EXACT,
        zero_is_hint=True,
    ),
    Preset(
        name="tenacity",
        source="tenacity 9.1.4, installed (9.2.1 is the same): the bare decorator",
        reads="none",
        attempts=None,
        initial_s=0,
    ),
    Preset(
        name="openai-cookbook",
        source="openai-cookbook, repository 11609296: How_to_handle_rate_limits.ipynb; tenacity "
        "9.1.4, installed: wait.py",
        reads="none",
        attempts=6,
        initial_s=1,
        cap_s=60,
        spread=_FROM_NOTHING,
        at_least_s=1,
    ),
    Preset(
        name="stamina",
        source="stamina 26.1.0, wheel: _core.py",
        reads="none, but a hook of the caller's may return one",
        attempts=10,
        initial_s=0.1,
        spread=Spread(plus_s=Span(0, 1)),
        at_most_s=5,
        deadline_s=45,
    ),
    Preset(
        name="pydantic-ai",
        source="pydantic-ai-slim 2.68.0, wheel: retries.py wait_retry_after, once it is installed",
        reads="retry-after-ms, retry-after in whole seconds or as a date",
        attempts=None,
        initial_s=1,
        cap_s=60,
        hint=RetryAfterUse.EXACT,
        hint_limit_s=300,
        zero_is_hint=True,
    ),
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType({row.name: row for row in _ROWS})
"""The rows by name, in the order in which a figure shows them."""


def preset_named(name: str) -> Preset:
    """The row of `name`. Raises KeyError, with the near name, if there is none."""
    if name in PRESETS:
        return PRESETS[name]
    hint = suggest(name, PRESETS, f"there are {', '.join(PRESETS)}")
    raise KeyError(f"no preset is called {name!r}; {hint}")
