"""The kinds of failure, drawn once, with the words that people read for each.

provider is short of something      overloaded, rate_limit, usage_limit
nothing (more) arrived              timeout, startup_timeout, stream_silence_timeout
somebody must change something      auth, config, missing_key, provider_disabled
everything else                     generic
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What went wrong, in the one vocabulary that payloads, metrics, tables and pictures share."""

    OVERLOADED = "overloaded"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    STARTUP_TIMEOUT = "startup_timeout"
    STREAM_SILENCE_TIMEOUT = "stream_silence_timeout"
    AUTH = "auth"
    CONFIG = "config"
    USAGE_LIMIT = "usage_limit"
    MISSING_KEY = "missing_key"
    PROVIDER_DISABLED = "provider_disabled"
    GENERIC = "generic"

    @property
    def label(self) -> str:
        """A short name for people, for example ``"Rate limit"``."""
        return _WORDS[self][0]

    @property
    def failed_title(self) -> str:
        """The title of a call that failed for good."""
        return _WORDS[self][1]

    @property
    def retrying_title(self) -> str:
        """The title of a call that is being retried."""
        return _WORDS[self][2]


_WORDS: dict[Kind, tuple[str, str, str]] = {
    Kind.OVERLOADED: ("Overloaded", "Provider overloaded", "Waiting for capacity"),
    Kind.RATE_LIMIT: ("Rate limit", "Rate limit reached", "Waiting for the rate limit"),
    Kind.TIMEOUT: ("Timeout", "No complete answer", "Reconnecting"),
    Kind.STARTUP_TIMEOUT: ("Startup timeout", "No first answer in time", "Starting again"),
    Kind.STREAM_SILENCE_TIMEOUT: ("Stream silence", "The stream went silent", "Reconnecting"),
    Kind.AUTH: ("Authentication", "Access refused", "Checking access again"),
    Kind.CONFIG: ("Configuration", "Model or settings refused", "Trying the settings again"),
    Kind.USAGE_LIMIT: ("Usage limit", "Usage limit reached", "Waiting for the usage limit"),
    Kind.MISSING_KEY: ("Missing key", "No API key", "Waiting for an API key"),
    Kind.PROVIDER_DISABLED: ("Provider disabled", "Provider disabled", "Waiting for the provider"),
    Kind.GENERIC: ("Error", "Call failed", "Retrying"),
}
