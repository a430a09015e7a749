"""The base class of chatlab's exceptions, and the one for a library that is not installed."""

from __future__ import annotations

from typing import Literal


class ChatlabError(Exception):
    """The base class of every exception that chatlab itself raises by name.

    Wrong arguments are still `ValueError`, `TypeError` or `KeyError`.
    """


class MissingExtra(ImportError, ChatlabError):
    """A part of chatlab needs a library that the plain install does not have.

    >>> raise MissingExtra("Corpus.to_frame", "pandas")
    Traceback (most recent call last):
    chatlab.exceptions.MissingExtra: Corpus.to_frame needs pandas: pip install 'chatlab[lab]'

    Parameters
    ----------
    what : str
        The part of chatlab.
    library : str or None
        The module that is missing, as Python names it.
    extra : str
        The extra of chatlab that installs it.
    """

    def __init__(
        self,
        what: str,
        library: str | None,
        *,
        extra: Literal["har", "lab", "metrics", "tenacity"] = "lab",
    ) -> None:
        super().__init__(what, library, name=library)
        self.what = what
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.what} needs {self.name}: pip install 'chatlab[{self.extra}]'"
