"""Whether a phrase in a text asserts something: nobody denies it, supposes it or explains it."""

from __future__ import annotations

import re
from typing import Final

from chatlab.errors.reading.text.phrases import BREAK
from chatlab.text.patterns import lazy

_DENIED: Final = lazy(
    r"\b(?:not|no|never|without|neither|nor|isn t|wasn t|aren t|weren t|hasn t|haven t)"
    r" (?:(?:a|an|any|the|your|my|our|yet|really|actually|currently|been|being|about|due to"
    r"|because of|related to|caused by) ){0,2}$"
)
_DENIALS: Final = (
    *("not ", "no ", "never ", "without ", "neither ", "nor ", " t ", "within ", "below "),
    *("under ", "far from ", "inside "),
)
_WITHIN: Final = lazy(
    r"\b(?:within|below|under|far from|well inside) (?:(?:the|your|my|our|its|their) )?$"
)
_SUPPOSED: Final = lazy(
    r"""\b(?:if|whether|unless|may|might|for\sexample|e\.g\.|i\.e\.|such\sas|in\scase|to\savoid
    |to\sprevent|how\sto|supports?|support\sfor|defaults?|returns?|raises?|raised|throws?|thrown
    |fixed|fixes|adds?|added|allows?|enables?|handles?|handling|handled|configur\w{1,8}|parameters?
    |arguments?|options?|docs|optional|used\sto|called\swith|mitigat\w{1,8}|improve\w{0,6}
    |(?<![.\w])examples?(?![.\w])|tests?|testing|retries|errors\s(?:are|is|will|and|from)|exceptions)\b
    |[=]{2}|->|\(\)|\bset\sto\b""",
    re.VERBOSE,
)
_PREDICATE: Final = lazy(
    r"""\b(?:model|server|engine|service|api|provider|request|connection|stream|response|token|key
    |upstream|gateway|endpoint|backend|cluster|deployment|account|organization)s?\b.{0,60}
    \b(?:is|are|was|were|been|being|got)\s(?:currently\s|temporarily\s|already\s)?$""",
    re.VERBOSE,
)
_CLAUSE_END: Final = lazy(r"[.,;:!?()\[\]|\x1f\x1a。，；：！？]")
_CLAUSE_WORDS: Final = 3
_SET: Final = lazy(r" ?= ?\d")
_NEAR_CHARS: Final = 40
_SUBJECT_CHARS: Final = 100


def is_denied(words: str, start: int) -> bool:
    """Whether what begins at `start` of normalised `words` is said not to be so."""
    before = words[max(0, start - _NEAR_CHARS) : start]
    if not any(sign in before for sign in _DENIALS):
        return False
    return bool(_DENIED.search(before) or _WITHIN.search(before))


def explains(sentence: str) -> bool:
    """Whether `sentence` explains or supposes something instead of telling what happened."""
    return _SUPPOSED.search(sentence.lower()) is not None


def is_supposed(words: str, start: int, end: int) -> bool:
    """Whether the sentence around ``words[start:end]`` explains or supposes instead of telling."""
    opening = words.rfind(BREAK, 0, start) + 1
    closing = words.find(BREAK, end)
    closing = len(words) if closing < 0 else closing
    return bool(_SUPPOSED.search(words, opening, start) or _SUPPOSED.search(words, end, closing))


def stands_alone(words: str, start: int, end: int) -> bool:
    """Whether one word of prose tells a failure by itself.

    It does where it is said of a model, a connection or the like ("the model is overloaded"), or
    is nearly all of its clause ("read timeout").
    """
    if words[start - 1] == "/" or words[end] == "/":
        return False
    said_of = _PREDICATE.search(words[max(0, start - _SUBJECT_CHARS) : start])
    return said_of is not None or _is_clause(words, start, end)


def _is_clause(words: str, start: int, end: int) -> bool:
    """Whether what stands at ``words[start:end]`` is nearly all of its clause: "read timeout"."""
    opening = _CLAUSE_END.search(words[max(0, start - _NEAR_CHARS) : start][::-1])
    closing = _CLAUSE_END.search(words, end, end + _NEAR_CHARS)
    if opening is None and start > _NEAR_CHARS:
        return False
    if closing is None and len(words) > end + _NEAR_CHARS:
        return False
    first = start - opening.start() if opening else 0
    last = closing.start() if closing else len(words)
    return len(words[first:last].split()) <= _CLAUSE_WORDS


def is_setting(words: str, end: int) -> bool:
    """Whether the word that ends at `end` is given a number: ``timeout=5``."""
    return words[end] in " =" and _SET.match(words, end) is not None
