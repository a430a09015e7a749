"""The words that people read, all in one place.

A message says what failed and what the person can do. A retry message is a bare fact that fits
beside a countdown: no status, no advice.
"""

from __future__ import annotations

from typing import Final

from chatlab.errors.judgement import Judgement
from chatlab.errors.kinds import Kind
from chatlab.errors.providers import SHIPPED
from chatlab.errors.reading.who_answered import NOBODY, UNKNOWN_NAME, Tier

_SPECIAL: Final[dict[str, tuple[str, str]]] = {
    "unmatched": (
        "The call to {name} failed in a way that no rule knows{status}. Read what was said.",
        "The call to {name} failed.",
    ),
    "nothing-failed": (
        "Nothing in here says that a call failed.",
        "Nothing failed.",
    ),
    "stream-cut": (
        "The answer from {name} stopped before its end. A new attempt can deliver it whole.",
        "The answer from {name} stopped before its end.",
    ),
    "continuity-tool-output-missing": (
        "The conversation could not be continued because of an internal state mismatch"
        " (match=function_call_output_missing). It is neither a configuration nor a billing"
        " problem; a new conversation works.",
        "The conversation could not be continued.",
    ),
    "continuity-reasoning-missing": (
        "The conversation could not be continued because of an internal state mismatch"
        " (match=web_search_reasoning_missing). It is neither a configuration nor a billing"
        " problem; a new conversation works.",
        "The conversation could not be continued.",
    ),
    "chain-lost": (
        "{Name} no longer knows the previous response{status}. The conversation can be sent again"
        " in full.",
        "{Name} no longer knows the previous response.",
    ),
    "request-over-limit": (
        "This request is larger than the whole rate limit at {name}{status}. Make it smaller or"
        " raise the limit.",
        "The request is larger than the rate limit at {name}.",
    ),
    "own-deadline": (
        "The time allowed for this call ran out before {name} answered. Allow more time or ask for"
        " less.",
        "The time allowed for this call ran out.",
    ),
    "reader-left": (
        "The one who was to read the answer went away before its end. Nobody waits for another.",
        "The reader of the answer went away.",
    ),
    "own-gate": (
        "The call was not sent: a circuit breaker or rate limiter of this program held it back."
        " Wait until it opens again.",
        "The call was held back by this program.",
    ),
    "own-process": (
        "A worker process of this program died while the call ran. Look for a crash or for too"
        " little memory; start a new pool.",
        "A worker process of this program died.",
    ),
    "own-time-limit": (
        "This program's own time limit ran out while the call was running; the call itself may go"
        " on. Allow more time or ask for less.",
        "This program's own time limit ran out.",
    ),
    "lost-between-processes": (
        "The call failed, and its error was lost between two processes: it could not be built"
        " again from its pickled form. Look into the log of the worker.",
        "The error was lost between two processes.",
    ),
    "programming-error": (
        "A bug in the program stopped the call. Read the traceback; a new attempt runs into the"
        " same bug.",
        "A bug in the program stopped the call.",
    ),
    "person-interrupted": ("The call was interrupted.", "The call was interrupted."),
    "cancelled": ("The call was cancelled before it finished.", "The call was cancelled."),
    "tls-certificate": (
        "The TLS certificate shown for {name} is not trusted here. Check the proxy and the trusted"
        " certificates.",
        "The TLS certificate shown for {name} is not trusted here.",
    ),
    "own-application-usage-limit": (
        "Your usage limit in this application is reached. View your usage for when it resets.",
        "Your usage limit in this application is reached.",
    ),
}
_TERMINAL: Final[dict[Kind, str]] = {
    Kind.OVERLOADED: "{Name} is overloaded{status}. Wait for capacity or choose another model.",
    Kind.RATE_LIMIT: "{Name} limits the rate of requests{status}. Send fewer, or raise the limit.",
    Kind.TIMEOUT: "{Name} did not deliver a complete answer{status}. Check its status page and the"
    " network.",
    Kind.STARTUP_TIMEOUT: "{Name} did not start to answer in time{status}. Check its status page.",
    Kind.STREAM_SILENCE_TIMEOUT: "The stream from {name} went silent{status}. Check its status"
    " page.",
    Kind.AUTH: "{Name} refused access{status}. Check the API key and its permissions.",
    Kind.CONFIG: "{Name} refused the model or its settings{status}. Check the model name, its"
    " limits and its parameters.",
    Kind.USAGE_LIMIT: "The usage limit at {name} is reached{status}. Check the billing and the"
    " quota of the account.",
    Kind.MISSING_KEY: "No API key is stored for {name}{status}. Add one in the settings.",
    Kind.PROVIDER_DISABLED: "{Name} is disabled{status}. Ask an administrator to enable it, or"
    " choose another provider.",
}
_RETRYING: Final[dict[Kind, str]] = {
    Kind.OVERLOADED: "{Name} is temporarily overloaded.",
    Kind.RATE_LIMIT: "{Name} is limiting the rate of requests.",
    Kind.TIMEOUT: "{Name} is temporarily unavailable.",
    Kind.STARTUP_TIMEOUT: "{Name} did not start to answer in time.",
    Kind.STREAM_SILENCE_TIMEOUT: "The stream from {name} went silent.",
    Kind.AUTH: "{Name} refused access.",
    Kind.CONFIG: "{Name} refused the model or its settings.",
    Kind.USAGE_LIMIT: "The usage limit at {name} is reached.",
    Kind.MISSING_KEY: "No API key is stored for {name}.",
    Kind.PROVIDER_DISABLED: "{Name} is disabled.",
    Kind.GENERIC: "{Name} reported an error.",
}
_GENERIC_RETRYABLE: Final = "{Name} failed on its own side{status}. Its status page may say more."
_GENERIC_FINAL: Final = "{Name} did not accept the request{status}. Check what was sent."


def display_name(verdict: Judgement) -> str:
    """Who answered, for people: the vendor where it is known, such as ``"Cohere"``.

    The id of a model does not tell, for many serve it. ``"the AI provider"`` when nobody is named.
    """
    provider, failure = verdict.provider, verdict.failure
    if provider is None:
        return UNKNOWN_NAME
    providers = SHIPPED if verdict.rules is None else verdict.rules.providers
    answered = NOBODY if failure is None else failure.signals_among(providers).answered
    told = answered.provider == provider and answered.tier is not Tier.MODEL_ID
    known = providers.get((told and answered.vendor) or provider)
    return UNKNOWN_NAME if known is None else known.display


def message(verdict: Judgement) -> str:
    """What failed, with the HTTP status when known, and what the person can do."""
    special = _SPECIAL.get(verdict.rule)
    if special is not None:
        return _filled(special[0], verdict)
    generic = _GENERIC_RETRYABLE if verdict.retryable else _GENERIC_FINAL
    return _filled(_TERMINAL.get(verdict.kind, generic), verdict)


def retry_message(verdict: Judgement) -> str:
    """A bare fact for a countdown: no status, no advice."""
    special = _SPECIAL.get(verdict.rule)
    return _filled(special[1] if special else _RETRYING[verdict.kind], verdict)


def _filled(words: str, verdict: Judgement) -> str:
    name = display_name(verdict)
    status = f" (HTTP {verdict.status_code})" if verdict.status_code else ""
    return words.format(name=name, Name=name[:1].upper() + name[1:], status=status)
