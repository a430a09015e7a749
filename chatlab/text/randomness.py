"""Whether a value looks random, as keys and ids do, or written by a person."""

from __future__ import annotations

import re
from typing import Final

_SEGMENT: Final = re.compile(r"[A-Za-z0-9]+")
_TIME: Final = re.compile(r"(?:19|20)\d{6}(?:T?\d{4,6}Z?)?|\d{1,14}", re.IGNORECASE)
_RUN: Final = re.compile(r"[0-9]+|[A-Za-z]+")
_CAMEL_PIECE: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WORD_AND_NUMBER: Final = re.compile(r"[A-Za-z]*\d{0,2}|\d{1,5}")
_JUDGED_CHARS: Final = 2000

_WRITTEN: Final = 2.75
_WRITTEN_AFTER_A_PREFIX: Final = 4.0
"""At this average number of letters in a piece of CamelCase a person wrote it; random letters
have about two. After a key's prefix the limit is higher."""

_LONG: Final = 16
"""Letters and digits of this length that follow a key's prefix are not a word and its number."""

_LONGER_THAN_WORDS: Final = 28
_MANY_LETTERS: Final = 8
"""Letters of this length without a break are not a word; fewer different ones are filler."""

_FEW_DIGITS: Final = 0.12
"""Digits for each letter, at most, in a word with more than one number in it."""


def is_word(segment: str, written: float = _WRITTEN) -> bool:
    """Whether `segment` is like a word, a model name, a version or a time."""
    if len(segment) < 8 or len(set(segment)) < 3 or _TIME.fullmatch(segment):
        return True
    runs = _RUN.findall(segment)
    if any(len(run) > 14 for run in runs if run.isdecimal()):
        return False
    letters = sum(len(run) for run in runs if not run.isdecimal())
    mean = letters / max(1, len(_CAMEL_PIECE.findall(segment)))
    if len(runs) > 3:
        return mean >= _WRITTEN_AFTER_A_PREFIX and len(segment) - letters <= _FEW_DIGITS * letters
    return mean >= written


def is_random(value: str, least: int = 8) -> bool:
    """Whether `value`, of at least `least` characters, holds a part that no person would write."""
    if len(value) < least:
        return False
    return not all(map(is_word, _SEGMENT.findall(value[:_JUDGED_CHARS])))


def looks_random(tail: str) -> bool:
    """Whether `tail`, which follows the prefix of a provider's keys, can be the rest of a key."""
    return any(
        len(runs := _RUN.findall(segment)) > 2
        or (len(runs) > 1 and len(segment) >= _LONG)
        or (len(segment) >= _LONGER_THAN_WORDS and len(set(segment)) >= _MANY_LETTERS)
        or not is_word(segment, _WRITTEN_AFTER_A_PREFIX)
        for segment in _SEGMENT.findall(tail[:_JUDGED_CHARS])
    )


def is_id(value: str) -> bool:
    """Whether `value` can be an id that a service made, even a short one."""
    first = _SEGMENT.match(value)
    short = first is not None and len(first[0]) >= 6 and not _WORD_AND_NUMBER.fullmatch(first[0])
    return short or is_random(value)
