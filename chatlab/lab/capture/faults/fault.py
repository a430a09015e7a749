"""A fault that programs are made to meet, and how it is labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatlab.lab.capture.faults.plans import Plan


@dataclass(frozen=True, slots=True)
class Label:
    """What a right verdict says, and why; `accept` and `confidence` as in a sample."""

    kind: str
    retryable: bool
    why: str
    status_code: int | None = None
    retry_after_s: float | None = None
    accept: Mapping[str, list[object]] | None = None
    confidence: str = "high"

    @property
    def expected(self) -> dict[str, object]:
        """The field `expected` of a sample, but for the provider."""
        return {
            "kind": self.kind,
            "retryable": self.retryable,
            "provider": None,
            "status_code": self.status_code,
            "retry_after_s": self.retry_after_s,
            "chain_broken": False,
        }


@dataclass(frozen=True, slots=True)
class ClientFault:
    """What a client meets.

    plan: what the origin does (see `origin`), with `secured`, `listening` and `patient`.
    scheme: of the URL that the client is given. host: None is the origin's own. knobs: what the
    driver is told, such as ``{"read_timeout_s": 0.5}``; the drivers know their names. provider:
    who answers, where the payload shows it.
    """

    name: str
    label: Label
    plan: Plan = ()
    secured: str = "plain"
    listening: str = "open"
    patient: bool = True
    scheme: str = "http"
    host: str | None = None
    knobs: Mapping[str, object] = field(default_factory=dict)
    provider: str | None = None


def broken_off(why: str) -> Label:
    """The label of an answer that did not arrive or stopped on the way."""
    return Label("timeout", True, why)
