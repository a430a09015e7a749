"""The rest of a secret beside its placeholder: other parts of a key, a folded line."""

from __future__ import annotations

import re
from typing import Final

from chatlab.corpus.sanitizer.key_value import Take, replaced
from chatlab.corpus.sanitizer.placeholders import WORD
from chatlab.text.randomness import is_random, looks_random

_PLACEHOLDER: Final = rf"{WORD}(?:_\d{{1,6}})?(?![A-Za-z0-9_])"
_FOLDED: Final = re.compile(
    _PLACEHOLDER
    + r"""(?:\\?\r?\n[ \t]{0,40}|\\{1,8}n|\\{0,8}["']\s{0,3}\n[ \t]{0,40}["'])"""
    + r"(?!REDACTED)(?P<value>[A-Za-z0-9_+/-][A-Za-z0-9_+/=.~%-]{5,4095}+)(?![:(])"
)
_PART_AFTER: Final = re.compile(
    _PLACEHOLDER
    + r"\.{1,2}(?!REDACTED)(?P<value>[A-Za-z0-9_][A-Za-z0-9_+/=~-]{3,4095}+)"
    + rf"(?P<between>(?=\.{{1,2}}{WORD}))?"
)
_PART_BEFORE: Final = re.compile(
    rf"(?<![A-Za-z0-9_./@-])(?P<value>[A-Za-z0-9_-]{{8,4096}}+)(?=\.{{1,2}}{WORD})"
)


def redact_neighbours(text: str, take: Take) -> str:
    """`text` without random characters that a dot or a line end separates from a placeholder."""
    if WORD not in text:
        return text

    def part(match: re.Match[str]) -> str:
        value = match["value"].rstrip(".-/")
        between = match.groupdict().get("between") is not None
        if WORD in value or not (between or _is_random_part(value)):
            return match[0]
        return replaced(match, "value", take("token", value, "{}"), len(value))

    for form in (_FOLDED, _PART_AFTER, _PART_BEFORE):
        text = form.sub(part, text)
    return text


_LONG: Final = 12


def _is_random_part(value: str) -> bool:
    return is_random(value) or (len(value) >= _LONG and looks_random(value))
