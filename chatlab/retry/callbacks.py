"""Calls the user's functions, whose failure must not fail anything else."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def call_back(callback: Callable[[_T], object], name: str, argument: _T) -> None:
    """Call `callback` with `argument`; what it raises, if an `Exception`, is logged.

    Parameters
    ----------
    callback:
        A plain function. An asynchronous one is not run, and the log says so.
    name:
        What the log calls it.
    argument:
        What it is given.
    """
    try:
        returned = callback(argument)
    except Exception as error:
        # Without its context: a provider's raw error could be there, and it may hold a secret.
        error.__suppress_context__ = True
        _log.warning("%s raised; the work goes on", name, exc_info=error)
        return
    if inspect.iscoroutine(returned):
        returned.close()
        _log.warning("%s is asynchronous and was not run; pass a plain function", name)
