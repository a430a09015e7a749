"""What Python raises about a bug of the program, whose words are nobody's answer."""

from __future__ import annotations

import re
from typing import Final

_BUGS: Final = frozenset(
    {
        *("AttributeError", "NameError", "UnboundLocalError", "KeyError", "IndexError"),
        *("ImportError", "ModuleNotFoundError", "AssertionError", "NotImplementedError"),
        *("ZeroDivisionError", "RecursionError"),
    }
)
_PYTHON_S_OWN: Final = re.compile(
    r"\b(?:objects?|arguments?|operand|unhashable|not callable|must be|can't be used in"
    r"|takes no keyword)\b"
)
"""In the words of a TypeError: JavaScript calls a lost connection one, too."""


def is_own_bug(class_name: str, said: str) -> bool:
    """Whether an exception of this class and text is Python's own about a bug of the program.

    class_name: dotted where the class is not a builtin, so an SDK's class that is derived from
    one of Python's is none.
    """
    if class_name == "TypeError":
        return _PYTHON_S_OWN.search(said[:400]) is not None
    return class_name in _BUGS
