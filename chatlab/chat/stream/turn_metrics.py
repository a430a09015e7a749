"""What a turn tells its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chatlab.errors import Verdict


class TurnMetrics(Protocol):
    """The part of `chatlab.chat.Metrics` that a turn uses; see there."""

    def request(
        self, provider: str | None, model: str | None, arguments: Mapping[str, object]
    ) -> None:
        """A prompt is sent."""

    def step(self, provider: str | None, model: str | None) -> None:
        """A request has given an answer."""

    def retry(self, verdict: Verdict, model: str | None, *, provider: str | None = None) -> None:
        """A stream will be retried because of `verdict`."""

    def first_content(self, provider: str | None, model: str | None, *, ttft_s: float) -> None:
        """The first content has arrived `ttft_s` seconds after the request."""

    def tool_result(
        self, provider: str | None, model: str | None, tool_name: str, *, size_bytes: int
    ) -> None:
        """A tool has given a result."""
