"""What a new sample is called: after its status, and the code or words that decided."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from chatlab.errors import Verdict

_MAX_CHARS: Final = 60
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_TOLD: Final = ("code", "phrase", "sign")


def slug_of(verdict: Verdict) -> str:
    """A name such as ``429-rate-limit-exceeded`` or ``timeout-connecterror``.

    It is made of the rules' own words, the kind and the exception's class, so nothing that a
    person wrote gets into it.
    """
    parts = dict.fromkeys(_slugged(part) for part in _parts(verdict))
    name = "-".join(filter(None, parts))
    return name[:_MAX_CHARS].rstrip("-") or "failure"


def _parts(verdict: Verdict) -> Iterator[str]:
    yield str(verdict.status_code or verdict.kind)
    findings = {finding.what: finding.value for finding in reversed(verdict.evidence)}
    for what in _TOLD:
        if what in findings:
            yield findings[what]
            return
    raised = verdict.failure.exception_type if verdict.failure is not None else None
    yield (raised or "").rpartition(".")[2] or str(verdict.kind)


def _slugged(text: str) -> str:
    return _OTHER.sub("-", text.lower()).strip("-")
