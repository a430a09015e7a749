"""What a person decides about a sample: the fields, and what each decision brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from chatlab.corpus.checking import CHECKED
from chatlab.errors import Kind

RETRYABLE: Final[Mapping[str, bool]] = {
    **dict.fromkeys((Kind.OVERLOADED, Kind.RATE_LIMIT, Kind.TIMEOUT), True),
    **dict.fromkeys((Kind.STARTUP_TIMEOUT, Kind.STREAM_SILENCE_TIMEOUT), True),
    **dict.fromkeys((Kind.USAGE_LIMIT, Kind.AUTH, Kind.CONFIG), False),
    **dict.fromkeys((Kind.PROVIDER_DISABLED, Kind.MISSING_KEY), False),
}
"""The usual retry decision of a kind; ``generic`` has none."""


class Decision(TypedDict, total=False):
    """The fields of a sample that a person can decide; each of them is optional.

    The first five are fields of ``expected``. status_code: of HTTP. retry_after_s: in seconds. id:
    the sample's name, with or without its folder.
    """

    kind: str
    retryable: bool
    status_code: int | None
    retry_after_s: float | None
    chain_broken: bool
    why: str
    surface: str
    vendor: str | None
    api: str | None
    accept: Mapping[str, list[object]] | None
    known_miss: str | None
    confidence: str
    source: Mapping[str, object]
    id: str


class Label(Decision, total=False):
    """A `Decision` that can also say who answered."""

    provider: str | None


FIELDS: Final = (*CHECKED, *(name for name in Label.__annotations__ if name not in CHECKED))
"""The names of all fields of a label."""

EXPECTED: Final = CHECKED
"""Those of them that are fields of ``expected``."""
