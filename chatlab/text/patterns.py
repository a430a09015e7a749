"""Regular expressions that are compiled on first use, so that starting costs nothing."""

from __future__ import annotations

import re
from typing import cast


class _Lazy:
    """Stands for a compiled pattern; the first look-up of a method compiles it."""

    __slots__ = ("_source", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")

    def __init__(self, pattern: str, flags: re.RegexFlag) -> None:
        self._source = (pattern, flags)

    def __getattr__(self, name: str) -> object:
        compiled = re.compile(*self._source)
        for method in self.__slots__[1:]:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def lazy(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """`pattern`, compiled when it is first used.

    >>> lazy("a+").search("baa").span()
    (1, 3)
    >>> lazy("a+").pattern
    'a+'
    """
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
