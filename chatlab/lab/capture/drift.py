"""Whether a capture says today what its sample says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chatlab.corpus import Sample
from chatlab.corpus.checking import CHECKED
from chatlab.errors import Verdict, classify
from chatlab.errors.failure import Failure

_WORDED: Final = ("status", "headers", "body", "exception", "text")
_EXCERPT_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class Drift:
    """How a new capture differs from its sample.

    verdict: fields in which its verdict is another one. wording: fields that read otherwise.
    """

    verdict: tuple[str, ...]
    wording: tuple[str, ...]


def drift(sample: Sample, record: Mapping[str, object]) -> Drift:
    """Compare a new `record` with the stored `sample`."""
    before, now = classify(sample.failure), classify(Failure.from_record(record))
    return Drift(
        tuple(
            f"{name}: was {_shown(before, name)}, is {_shown(now, name)}"
            for name in CHECKED
            if getattr(before, name) != getattr(now, name)
        ),
        tuple(
            _change(name, sample.record.get(name), record.get(name))
            for name in _WORDED
            if sample.record.get(name) != record.get(name)
        )
        + _version(sample.record.get("source"), record.get("source")),
    )


def _shown(verdict: Verdict, name: str) -> str:
    return str(getattr(verdict, name))


def _change(name: str, before: object, now: object) -> str:
    old, new = str(before), str(now)
    start = next(
        (at for at, (left, right) in enumerate(zip(old, new, strict=False)) if left != right),
        min(len(old), len(new)),
    )
    start = max(start - 10, 0)
    was, became = old[start : start + _EXCERPT_CHARS], new[start : start + _EXCERPT_CHARS]
    return f"{name}: was {was!r}, is {became!r}"


def _version(before: object, now: object) -> tuple[str, ...]:
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return ()
    old, new = before.get("version"), now.get("version")
    return () if old == new else (f"version: was {old}, is {new}",)
