"""Whether a value looks drawn at random, as keys and ids do, or written by a person."""

from __future__ import annotations

import re
from typing import Final

_SEGMENT: Final = re.compile(r"[A-Za-z0-9]+")
_TIME: Final = re.compile(r"(?:19|20)\d{6}(?:T?\d{4,6}Z?)?|\d{1,14}", re.IGNORECASE)
_RUN: Final = re.compile(r"[0-9]+|[A-Za-z]+")
_CASES: Final = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Z])[a-z]")
_WORD_AND_NUMBER: Final = re.compile(r"[A-Za-z]*\d{0,2}|\d{1,5}")

_MIXED_CASE: Final = 0.38
"""How often, per letter, the case changes at least where letters were drawn; CamelCase has fewer."""


def is_word(segment: str) -> bool:
    """Whether letters and digits stand as in a word, a model name, a version or a time."""
    if len(segment) < 8 or _TIME.fullmatch(segment):
        return True
    runs = _RUN.findall(segment)
    if len(runs) > 3 or any(len(run) > 14 for run in runs if run.isdecimal()):
        return False
    return len(_CASES.findall(segment)) < _MIXED_CASE * len(segment)


def is_random(value: str, least: int = 8) -> bool:
    """Whether `value`, of at least `least` characters, holds a part that no person would write."""
    return len(value) >= least and not all(map(is_word, _SEGMENT.findall(value)))


def is_id(value: str) -> bool:
    """Whether `value` can be an id that was given out, if only a short one."""
    first = _SEGMENT.match(value)
    short = first is not None and len(first[0]) >= 6 and not _WORD_AND_NUMBER.fullmatch(first[0])
    return short or is_random(value)
