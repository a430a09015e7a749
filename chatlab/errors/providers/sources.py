"""A provider's TOML file: read, and checked with one line for each mistake.

The file's name is the provider's. Its keys are the fields of `Provider`; each table ``[[facts]]``
has a ``source``, the date on which it was ``read``, and for each rule that something speaks for
the evidence: ``auth-refused.codes = ["1110"]``. Facts count when this provider may have said them;
with ``shared = true`` always, because others say the same.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Final

from chatlab.errors.providers.provider import COLUMNS, GENERIC, Fact, Provider
from chatlab.errors.providers.registry import FOLDER
from chatlab.exceptions import ChatlabError
from chatlab.text.patterns import lazy
from chatlab.text.spelling import suggest

_IDENTITY: Final = {one.name: one for one in fields(Provider) if one.name != "name"}
_FACT_KEYS: Final = ("source", "read", "shared")
_PARTS: Final = ("given", "unless")
_NAME: Final = lazy(r"[a-z0-9](?:[a-z0-9.-]{0,60}[a-z0-9])?")
_MOST_CHARS: Final = 1_000_000


class ProviderFileError(ChatlabError, ValueError):
    """A provider's file is wrong; the message is one line: file, field, what, nearest name.

    >>> raise ProviderFileError("mine.toml: display: missing; give the name that people read")
    Traceback (most recent call last):
    chatlab.errors.providers.sources.ProviderFileError: mine.toml: display: missing; give the \
name that people read
    """


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts are written down.

    Parameters
    ----------
    where
        An address, or a program, its version and file.
    read
        When it was last read there.
    facts
        What it says: pairs of a rule's id and a fact.

    Examples
    --------
    >>> from datetime import date
    >>> Source("https://example.com/errors", date(2026, 11, 20), ()).read.year
    2026
    """

    where: str
    read: date
    facts: tuple[tuple[str, Fact], ...]


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """What a provider's file says.

    Parameters
    ----------
    provider
        How it is recognised.
    sources
        What is written down of its failures.

    Examples
    --------
    >>> from chatlab.errors.providers.sources import shipped_files
    >>> next(file for file in shipped_files() if file.provider.name == "groq").provider.display
    'Groq'
    """

    provider: Provider
    sources: tuple[Source, ...]

    def facts(self) -> Iterator[tuple[str, Fact]]:
        """The pairs of a rule's id and a fact, of all sources."""
        for source in self.sources:
            yield from source.facts


def shipped_files() -> list[ProviderFile]:
    """What the files of chatlab's own providers say, `GENERIC` among them, by name."""
    return read_files(sorted(Path(FOLDER).glob("*.toml")), rules=None, known=())


def read_files(
    paths: Iterable[str | os.PathLike[str]], rules: Collection[str] | None, known: Collection[str]
) -> list[ProviderFile]:
    """What the TOML files among `paths`, and in those of them that are folders, say.

    Parameters
    ----------
    paths
        Files, whose stems are the providers' names, and folders of such files.
    rules
        The ids of the rules that facts may speak for; None for any.
    known
        Further providers that ``reported_as`` and ``imitates`` may name.

    Raises
    ------
    ProviderFileError
        When a file is missing or cannot be read, or something in it is wrong.
    """
    files = list(_files_in(paths))
    names = [*known, *(file.stem for file in files)]
    return [_Reading(file, rules, names).file() for file in files]


def _files_in(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    for path in map(Path, paths):
        found = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not found:
            raise ProviderFileError(f"{path}: no file in it ends with .toml")
        yield from found


class _Reading:
    """One file while it is checked."""

    def __init__(
        self, path: Path, rules: Collection[str] | None, providers: Collection[str]
    ) -> None:
        self.path = path
        self.rules = rules
        self.providers = providers
        self.name = path.stem

    def wrong(self, where: str, what: str) -> ProviderFileError:
        return ProviderFileError(": ".join(filter(None, (str(self.path), where, what))))

    def file(self) -> ProviderFile:
        if not _NAME.fullmatch(self.name):
            raise self.wrong("", "name the file in lower-case letters, digits and hyphens")
        content = self.content()
        for key in content.keys() - _IDENTITY.keys() - {"facts"}:
            near = suggest(key, [*_IDENTITY, "facts"], f"there are {', '.join(_IDENTITY)}, facts")
            raise self.wrong(key, f"no such field; {near}")
        identity = {key: self.field(key, content) for key in _IDENTITY if key in content}
        if not identity.get("display"):
            raise self.wrong("display", "missing; give the name that people read")
        for key in ("reported_as", "imitates"):
            said = identity.get(key, ())
            for other in (said,) if isinstance(said, str) else said:  # type: ignore[attr-defined]
                if other not in self.providers and other != self.name:
                    near = suggest(other, self.providers, "chatlab providers lists them")
                    raise self.wrong(key, f"no provider is called {other!r}; {near}")
        provider = Provider(name=self.name, **identity)  # type: ignore[arg-type]
        blocks = content.get("facts", [])
        if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
            raise self.wrong("facts", "write it as tables: [[facts]]")
        return ProviderFile(
            provider, tuple(self.source(number, one) for number, one in enumerate(blocks, 1))
        )

    def content(self) -> dict[str, object]:
        try:
            text = self.path.read_text(encoding="utf-8")
            if len(text) > _MOST_CHARS:
                raise self.wrong("", f"longer than {_MOST_CHARS:,} characters")
            return tomllib.loads(text)
        except OSError as error:
            raise self.wrong("", f"{(error.strerror or 'not readable').lower()}") from None
        except UnicodeDecodeError:
            raise self.wrong("", "is not UTF-8") from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise self.wrong("", f"is not TOML: {error}") from None

    def field(self, key: str, content: Mapping[str, object]) -> object:
        """The value of a field of `Provider`, as that holds it."""
        value, default = content[key], _IDENTITY[key].default
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise self.wrong(key, "must be true or false")
            return value
        if default is MISSING or isinstance(default, str):
            if not isinstance(value, str) or not value.strip():
                raise self.wrong(key, "must be a text in quotes")
            return value
        return self.words(key, value)

    def words(self, where: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(where, 'must be a list of texts: ["..."]')
        if any(not one.strip() for one in value):
            raise self.wrong(where, "one of its texts is empty")
        return tuple(value)

    def source(self, number: int, block: Mapping[str, object]) -> Source:
        at = f"facts {number}"
        where, read = block.get("source"), block.get("read")
        if not isinstance(where, str) or len(where.strip()) < 4:
            raise self.wrong(f"{at}: source", "say where this is written: an address or a program")
        if type(read) is not date:
            raise self.wrong(f"{at}: read", "must be the day on which it was read: 2026-11-20")
        shared = block.get("shared", False)
        if not isinstance(shared, bool):
            raise self.wrong(f"{at}: shared", "must be true or false")
        owner = GENERIC if shared else self.name
        facts: list[tuple[str, Fact]] = []
        for rule, said in block.items():
            if rule in _FACT_KEYS:
                continue
            if self.rules is not None and rule not in self.rules:
                near = suggest(rule, [*self.rules, *_FACT_KEYS], "see RULES for the ids")
                raise self.wrong(f"{at}: {rule}", f"no rule is called {rule!r}; {near}")
            if not isinstance(said, dict):
                raise self.wrong(f"{at}: {rule}", f'say what it is: {rule}.codes = ["..."]')
            facts += [(rule, fact) for fact in self.facts(f"{at}: {rule}", said, owner)]
        return Source(where, read, tuple(facts))

    def facts(
        self, at: str, said: Mapping[str, object], owner: str, part: str = ""
    ) -> Iterator[Fact]:
        for column, values in said.items():
            where = f"{at}.{column}"
            if not part and column in _PARTS and isinstance(values, dict):
                yield from self.facts(where, values, owner, f"{column}.")
            elif column not in COLUMNS:
                near = suggest(column, COLUMNS, f"there are {', '.join(COLUMNS)}")
                raise self.wrong(where, f"no such evidence; {near}")
            elif column == "statuses":
                if not isinstance(values, list) or not all(type(one) is int for one in values):
                    raise self.wrong(where, "must be a list of HTTP statuses: [529]")
                yield from (Fact(f"{part}{column}", status, owner) for status in values)
            else:
                for value in self.words(where, values):
                    if not all(piece.strip() for piece in value.split("…")):
                        raise self.wrong(where, f"{value!r}: say words on both sides of '…'")
                    yield Fact(f"{part}{column}", value, owner)
