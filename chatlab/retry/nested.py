"""Whether a client retries by itself below a loop that retries too."""

from __future__ import annotations

import warnings


class NestedRetriesWarning(RuntimeWarning):
    """A client retries by itself below a loop that retries too."""


def sdk_retries(client: object) -> int | None:
    """Tell how often `client` retries by itself; None if it does not say.

    It is read from ``max_retries``, as the openai and anthropic clients have it.

    >>> from types import SimpleNamespace
    >>> sdk_retries(SimpleNamespace(max_retries=2)), sdk_retries(object())
    (2, None)
    """
    retries = getattr(client, "max_retries", None)
    return retries if isinstance(retries, int) and not isinstance(retries, bool) else None


def warn_if_sdk_retries(client: object, *, switched_off: bool = False, stacklevel: int = 2) -> bool:
    """Warn if `client` retries by itself: each attempt could then be several requests.

    Parameters
    ----------
    client:
        Any client of an SDK.
    switched_off:
        The caller uses a copy of the client without retries, so only the code needs a change.
    stacklevel:
        Which line the warning names; 2 is the caller's.

    Returns
    -------
    bool
        Whether it retries by itself. If so, there was a `NestedRetriesWarning`.
    """
    retries = sdk_retries(client)
    if not retries:
        return False
    so = (
        "the turn retries instead, and has switched that off for its own requests"
        if switched_off
        else f"so one attempt can be {retries + 1} requests"
    )
    warnings.warn(
        f"{type(client).__name__} retries {retries} times by itself, {so}; make the client with "
        "max_retries=0, or use client.with_options(max_retries=0)",
        NestedRetriesWarning,
        stacklevel=stacklevel,
    )
    return True
