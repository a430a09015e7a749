"""The name of a new sample: its status, and the code or phrase that decided; then a number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from chatlab.corpus.library import Library, id_of
from chatlab.errors import Verdict

_MAX_CHARS: Final = 60
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_NAMING: Final = ("code", "phrase", "sign")


def slug_of(verdict: Verdict) -> str:
    """A name such as ``429-rate-limit-exceeded`` or ``timeout-connecterror``.

    It is made of the rules' words, the kind and the exception's class only: nothing that a person
    wrote gets into it.
    """
    parts = dict.fromkeys(_slugged(part) for part in _parts(verdict))
    name = "-".join(filter(None, parts))
    return name[:_MAX_CHARS].rstrip("-") or "failure"


def _parts(verdict: Verdict) -> Iterator[str]:
    yield str(verdict.status_code or verdict.kind)
    findings = {finding.what: finding.value for finding in reversed(verdict.evidence)}
    for what in _NAMING:
        if what in findings:
            yield findings[what]
            return
    raised = verdict.failure.exception_type if verdict.failure is not None else None
    yield (raised or "").rpartition(".")[2] or str(verdict.kind)


def _slugged(text: str) -> str:
    return _OTHER.sub("-", text.lower()).strip("-")


def unused(corpus: Library, record: Mapping[str, object], name: str) -> str:
    """`name`, or with the first number after it, from 2, that no sample of the corpus has."""
    return numbered(name, first_free(corpus, record, name))


def first_free(corpus: Library, record: Mapping[str, object], name: str) -> int:
    """The number behind the last that is taken, found by bisection; 1 means no number."""

    def is_taken(number: int) -> bool:
        return corpus.is_taken(id_of(record, numbered(name, number)))

    taken, free = 0, 1
    while is_taken(free):
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if is_taken(middle) else (taken, middle)
    return free


def numbered(name: str, number: int) -> str:
    """``name``, ``name-2``, ``name-3`` for the numbers 1, 2 and 3."""
    return name if number == 1 else f"{name}-{number}"
