"""The name that was probably meant, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_CUTOFF: Final = 0.5
"""How alike two names are at least, from 0 to 1, by `difflib.SequenceMatcher.ratio`."""


def near_names(name: object, known: Iterable[object], count: int = 3) -> list[str]:
    """The names among `known` that are spelled like `name`, the nearest first, at most `count`.

    >>> near_names("Ratelimit", ["rate_limit", "auth"])
    ['rate_limit']
    """
    from difflib import get_close_matches  # when something is wrong only

    folded = {str(one).casefold(): str(one) for one in known}
    found = get_close_matches(str(name).casefold(), folded, n=count, cutoff=_CUTOFF)
    return [folded[one] for one in found]


def suggest(name: object, known: Iterable[object], otherwise: str = "") -> str:
    """The question whether the nearest of `known` was meant; `otherwise` when none is near.

    >>> suggest("ratelimit", ["rate_limit", "auth"])
    "did you mean 'rate_limit'?"
    >>> suggest("zzz", ["rate_limit", "auth"], "choose one of rate_limit, auth")
    'choose one of rate_limit, auth'
    """
    near = near_names(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else otherwise
