"""One call to a provider as a tool recorded it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_CALLS: Final = 10_000
"""How many calls of one document are looked at."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a record says of one call; never what was sent.

    Parameters
    ----------
    where
        The path of the record in its document, for example ``log.entries[3]``.
    failed
        Whether the record says that the call failed.
    status, headers, body
        Of the provider's answer.
    exception_type, exception_text
        Of the exception that the record holds.
    text
        An error sentence or a log message of the record.
    provider
        Who the record says was called, in its own spelling.
    cut
        Whether the answer stopped before its end.
    reader_left
        Whether the one who was to read the answer went away.
    """

    where: str
    failed: bool
    status: object = None
    headers: Mapping[str, object] | None = None
    body: object = None
    exception_type: str | None = None
    exception_text: str | None = None
    text: str | None = None
    provider: str | None = None
    cut: bool = False
    reader_left: bool = False


class Record(NamedTuple):
    """A mapping of a document, with safe look-ups by path."""

    fields: Mapping[object, object]

    def at(self, *path: str) -> object:
        """The value at `path`, or None."""
        value: object = self.fields
        for name in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    def text(self, *path: str) -> str | None:
        """The text at `path`, or None when there is none or an empty one."""
        value = self.at(*path)
        return value if isinstance(value, str) and value.strip() else None

    def first_text(self, *names: str) -> str | None:
        """The first text among the fields called `names`."""
        return next((found for name in names if (found := self.text(name))), None)

    def records(self, *path: str) -> Iterator[tuple[int, Record]]:
        """The mappings of the list at `path`, each with its number."""
        several = self.at(*path)
        if isinstance(several, list | tuple):
            for number, one in enumerate(several[:MAX_CALLS]):
                if isinstance(one, Mapping):
                    yield number, Record(one)
