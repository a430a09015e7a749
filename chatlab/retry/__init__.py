"""What to do next."""

from chatlab.retry.backoff import Backoff, GiveUp, Wait
from chatlab.retry.clock import Cancelled, Clock, SystemClock, VirtualClock
from chatlab.retry.jitter import Decorrelated, Equal, Full, Jitter
from chatlab.retry.machine import TRANSITIONS, Action, Event, Retry, RetryMachine, State, Transition
from chatlab.retry.preset import HintUse, OverLimit, Preset
from chatlab.retry.presets import PRESETS, preset_named
from chatlab.retry.runner import (
    NestedRetriesWarning,
    arun,
    run,
    sdk_retries,
    warn_if_sdk_retries,
)
from chatlab.retry.schedule import Schedule, Span, duration

__all__ = [
    "PRESETS",
    "TRANSITIONS",
    "Action",
    "Backoff",
    "Cancelled",
    "Clock",
    "Decorrelated",
    "Equal",
    "Event",
    "Full",
    "GiveUp",
    "HintUse",
    "Jitter",
    "NestedRetriesWarning",
    "OverLimit",
    "Preset",
    "Retry",
    "RetryMachine",
    "Schedule",
    "Span",
    "State",
    "SystemClock",
    "Transition",
    "VirtualClock",
    "Wait",
    "arun",
    "duration",
    "preset_named",
    "run",
    "sdk_retries",
    "warn_if_sdk_retries",
]
