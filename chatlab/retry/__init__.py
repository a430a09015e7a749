"""What to do next: retry policies, clocks, the retry loop and its short forms."""

from chatlab.retry.attempt_loop import Attempt, Attempts, attempts
from chatlab.retry.backoff import Backoff, GiveUp, Wait
from chatlab.retry.clients.preset import AboveLimit, Preset, RetryAfterUse
from chatlab.retry.clients.table import PRESETS, preset_named
from chatlab.retry.clock import Cancelled, Clock, SystemClock, VirtualClock
from chatlab.retry.jitter import Decorrelated, Equal, Full, Jitter
from chatlab.retry.machine import TRANSITIONS, Action, Event, Retry, RetryMachine, State, Transition
from chatlab.retry.nested import NestedRetriesWarning, sdk_retries, warn_if_sdk_retries
from chatlab.retry.runner import arun, retrying, run
from chatlab.retry.schedule import Schedule, Span, duration

__all__ = [
    "PRESETS",
    "TRANSITIONS",
    "AboveLimit",
    "Action",
    "Attempt",
    "Attempts",
    "Backoff",
    "Cancelled",
    "Clock",
    "Decorrelated",
    "Equal",
    "Event",
    "Full",
    "GiveUp",
    "Jitter",
    "NestedRetriesWarning",
    "Preset",
    "Retry",
    "RetryAfterUse",
    "RetryMachine",
    "Schedule",
    "Span",
    "State",
    "SystemClock",
    "Transition",
    "VirtualClock",
    "Wait",
    "arun",
    "attempts",
    "duration",
    "preset_named",
    "retrying",
    "run",
    "sdk_retries",
    "warn_if_sdk_retries",
]


def __dir__() -> list[str]:
    return __all__
