"""What the caller's own program raises: bugs, and errors lost on the way between processes.

Their words are nobody's answer: `KeyError: 'rate_limit'` tells of no rate limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from chatlab.errors.observation import Observation
from chatlab.text.patterns import lazy

BUGS: Final = frozenset(
    {
        *("AttributeError", "NameError", "UnboundLocalError", "KeyError", "IndexError"),
        *("ImportError", "ModuleNotFoundError", "AssertionError"),
        *("ZeroDivisionError", "RecursionError", "TypeError"),
    }
)
"""Builtin classes that tell of a bug; of TypeError only in Python's own words."""

_HEAD_CHARS: Final = 400
_READ_CHARS: Final = 64 * 1024
_HEAD: Final = lazy(
    r"^(?:[ \t]{0,8}\|[ \t]{0,8})?((?:[A-Za-z_]\w{0,80}\.){0,8}[A-Z]\w{0,80}"
    r"(?:Error|Exception|Timeout|Exceeded|Expired|Pool|Killed|Terminated|Interrupt)|Terminated)"
    r"(?::[ \t]([^\n]{0,4000}))?$",
    re.MULTILINE,
)
"""The line of a traceback that names an exception, and what it says."""
_CAUSED: Final = "The above exception was the direct cause"
_CONTEXT: Final = "During handling of the above exception"
_PYTHON_S_OWN: Final = lazy(
    r"\b(?:objects?|arguments?|operand|unhashable|not callable|must be|can't be used in)\b"
)
"""In the words of a TypeError: JavaScript calls a lost connection one, too."""
_CLOSED_CLIENT: Final = "as the client has been closed"
"""What httpx says of a client that the program closed before it used it."""
_NOT_BUILT: Final = lazy(
    r"\b\w{0,80}(?:Error|Exception|Timeout|Exceeded|Failure)\.__init__\(\) (?:missing|takes|got)\b"
)


def is_own_bug(class_name: object, said: str) -> bool:
    """Whether an exception of this class and text is Python's own about a bug of the program.

    class_name: dotted where the class is not a builtin, so an SDK's class that is derived from
    one of Python's is none.
    """
    if type(class_name) is not str:
        return False
    if class_name == "RuntimeError":
        return _CLOSED_CLIENT in said[:_HEAD_CHARS]
    if class_name not in BUGS:
        return False
    return class_name != "TypeError" or _PYTHON_S_OWN.search(said[:_HEAD_CHARS]) is not None


def innermost(failure: Observation) -> tuple[str, str] | tuple[()]:
    """The dotted class name and the text of the exception that no other caused.

    Of a pasted text, that of the traceback in it, whose first exception caused the others.
    """
    name: object = failure.exception_type
    said: object = failure.exception_text
    if failure.causes:
        name, said = failure.causes[-1].type, failure.causes[-1].text
    if name is None and type(failure.text) is str:
        return _innermost_in(failure.text[:_READ_CHARS])
    return (name, said if type(said) is str else "") if type(name) is str else ()


def _innermost_in(text: str) -> tuple[str, str] | tuple[()]:
    heads = list(_HEAD.finditer(text))
    if not heads:
        return ()
    chained = _CAUSED in text or _CONTEXT in text
    head = heads[0] if chained else heads[-1]
    return head[1], head[2] or ""


def without_bugs(text: str) -> str:
    """`text` with the class names alone of Python's own exceptions about bugs."""
    return _HEAD.sub(_without_words, text)


def _without_words(head: re.Match[str]) -> str:
    return head[1] if is_own_bug(head[1], head[2] or "") else head[0]


def signs_of(raised: tuple[str, str] | tuple[()]) -> Iterator[str]:
    """``sign:programming-error`` or ``sign:lost-between-processes``, by the innermost exception."""
    if raised and is_own_bug(*raised):
        lost = raised[0] == "TypeError" and _NOT_BUILT.search(raised[1][:_HEAD_CHARS])
        yield "sign:lost-between-processes" if lost else "sign:programming-error"
