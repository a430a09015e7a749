"""What the caller's own program raises: bugs, and errors lost on the way between processes.

Their words are nobody's answer: `KeyError: 'rate_limit'` tells of no rate limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from chatlab.errors.observation import Observation

BUGS: Final = frozenset(
    {
        *("AttributeError", "NameError", "UnboundLocalError", "KeyError", "IndexError"),
        *("ImportError", "ModuleNotFoundError", "AssertionError"),
        *("ZeroDivisionError", "RecursionError", "TypeError"),
    }
)
"""Builtin classes that tell of a bug; of TypeError only in Python's own words."""

_HEAD_CHARS: Final = 400
_PYTHON_S_OWN: Final = re.compile(
    r"\b(?:objects?|arguments?|operand|unhashable|not callable|must be|can't be used in)\b"
)
"""In the words of a TypeError: JavaScript calls a lost connection one, too."""
_CLOSED_CLIENT: Final = "as the client has been closed"
"""What httpx says of a client that the program closed before it used it."""
_NOT_BUILT: Final = re.compile(
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
    """The dotted class name and the text of the exception that no other caused."""
    name: object = failure.exception_type
    said: object = failure.exception_text
    if failure.causes:
        name, said = failure.causes[-1].type, failure.causes[-1].text
    return (name, said if type(said) is str else "") if type(name) is str else ()


def signs_of(failure: Observation) -> Iterator[str]:
    """``sign:programming-error`` or ``sign:lost-between-processes``, by the innermost exception."""
    raised = innermost(failure)
    if raised and is_own_bug(*raised):
        lost = raised[0] == "TypeError" and _NOT_BUILT.search(raised[1][:_HEAD_CHARS])
        yield "sign:lost-between-processes" if lost else "sign:programming-error"
