"""Functions of the user's that a turn calls: they can neither fail it nor be forgotten."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def call_back(callback: Callable[[_T], object], name: str, argument: _T) -> None:
    """Call the user's function, which must neither fail the turn nor be forgotten."""
    try:
        returned = callback(argument)
    except Exception:
        _log.warning("%s raised; the turn goes on", name, exc_info=True)
        return
    if inspect.iscoroutine(returned):
        returned.close()
        _log.warning("%s is asynchronous and was not run; pass a plain function", name)
