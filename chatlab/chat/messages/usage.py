"""How many tokens an attempt used, in one count for every provider's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt used, in tokens, as far as the provider told.

    Parameters
    ----------
    input_tokens:
        All tokens read, cached ones included, for every provider.
    output_tokens:
        All tokens made, reasoning included, for every provider.
    cached_tokens:
        Those of the input that were read from a cache.
    cache_write_tokens:
        Those of the input that were written to a cache.
    reasoning_tokens:
        Those of the output that were reasoning.

    Examples
    --------
    >>> (Usage(10, 5) + Usage(1, 2)).output_tokens
    7
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """The tokens of both."""
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)))


COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "cached_tokens": (
        *("cache_read_input_tokens", "input_tokens_details.cached_tokens"),
        *("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
    ),
    "cache_write_tokens": (
        *("cache_creation_input_tokens", "input_tokens_details.cache_write_tokens"),
        "prompt_tokens_details.cache_write_tokens",
    ),
    "reasoning_tokens": (
        *("output_tokens_details.reasoning_tokens", "output_tokens_details.thinking_tokens"),
        "completion_tokens_details.reasoning_tokens",
    ),
}
"""Where providers tell each count of `Usage`: paths within their usage object."""

BESIDE_INPUT: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Counts that stand beside the input_tokens, not within (Anthropic)."""


@dataclass(slots=True, eq=False)
class Tally:
    """Counts, in tokens, by path. Providers tell running totals, so the highest one holds."""

    counts: dict[str, int] = field(default_factory=dict)

    def note(self, path: str, count: object) -> None:
        """Take in a value found at `path`; what is no count is passed over."""
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            self.counts[path] = max(self.counts.get(path, 0), count)

    @property
    def usage(self) -> Usage | None:
        """The usage told so far; None if nothing was."""
        if not self.counts:
            return None
        highest = {k: max(self.counts.get(p, 0) for p in paths) for k, paths in COUNTS.items()}
        highest["input_tokens"] += sum(self.counts.get(path, 0) for path in BESIDE_INPUT)
        return Usage(**highest)
