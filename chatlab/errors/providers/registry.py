"""The providers that are known, with their facts; chatlab's own are loaded compiled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from chatlab.errors.providers.provider import GENERIC, Fact, Provider
from chatlab.text.spelling import suggest

FOLDER: Final = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is slow to load
"""Where the files of the providers that chatlab ships are."""

COMPILED: Final = os.path.join(FOLDER, "compiled.json")  # noqa: PTH118
"""The same in one file that is quick to load; ``python -m chatlab.errors.providers`` writes it."""

NOBODY: Final = frozenset({"", "unknown", "none", "null", "other"})
"""Names that callers give when they do not know who answered."""

COMPATIBLE: Final = "openai-compat"
"""What a provider without a file is taken for."""


def _spelling(name: str) -> str:
    return "-".join(name.casefold().replace("_", " ").replace("-", " ").split())


class Providers(Mapping[str, Provider]):
    """The providers by name.

    Parameters
    ----------
    providers : iterable of Provider
        Of two with one name the last counts, and of two that claim one alias.

    Examples
    --------
    >>> from chatlab.errors.providers import SHIPPED
    >>> SHIPPED.named("Vertex AI").name
    'google'
    """

    __slots__ = ("_providers", "_spellings")

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers: Final = {one.name: one for one in providers}
        self._spellings: Final[dict[str, str]] = {}
        for one in self._providers.values():
            for spelling in (one.name, one.display, *one.aliases):
                self._spellings[_spelling(spelling)] = one.name

    def __getitem__(self, name: str) -> Provider:
        return self._providers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._providers)

    def __len__(self) -> int:
        return len(self._providers)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Providers: {', '.join(self)}"

    def find(self, name: object) -> Provider | None:
        """The provider that a caller means by `name`, or None when it names no known one."""
        if not issubclass(type(name), str):  # an object may lie about its class
            return None
        known = self._spellings.get(_spelling(str(name)))
        return None if known is None else self._providers[known]

    def named(self, name: str) -> Provider:
        """The provider of this name or alias.

        Raises
        ------
        KeyError
            Names the near one.
        """
        found = self.find(name)
        if found is None:
            near = suggest(name, self, "`chatlab providers` lists them")
            raise KeyError(f"no provider is called {name!r}; {near}")
        return found

    def reported(self, name: object) -> str | None:
        """What `Verdict.provider` says when the caller names `name`; None for nobody.

        An unknown name is one of the many OpenAI-compatible servers.
        """
        found = self.find(name)
        if found is not None:
            return found.reported
        if not issubclass(type(name), str) or _spelling(str(name)) in NOBODY:
            return None
        return COMPATIBLE

    def reported_names(self) -> list[str]:
        """Every `Verdict.provider` that there may be, sorted."""
        return sorted({one.reported for one in self._providers.values()})

    def counts(self, owner: str, answered: str | None) -> bool:
        """Whether words and codes of `owner` count when `answered` answered, None for nobody."""
        if answered is None or owner in (GENERIC, answered):
            return True
        one = self._providers.get(answered)
        return one is None or one.serves_others or owner in one.imitates

    def extended(self, providers: Iterable[Provider]) -> Providers:
        """These and further ones; a further one takes the place of its name."""
        return Providers([*self.values(), *providers])


def _compiled() -> tuple[Providers, dict[str, list[Fact]]]:
    with open(COMPILED, "rb") as file:  # noqa: PTH123
        content = json.load(file)
    facts: dict[str, list[Fact]] = {}
    make = Fact._make
    for name, rules in content["facts"].items():
        for rule, columns in rules.items():
            into = facts.setdefault(rule, [])
            for column, values in columns.items():
                into += [make((column, value, name)) for value in values]
    return Providers(_provider(name, said) for name, said in content["providers"].items()), facts


def _provider(name: str, said: dict[str, Any]) -> Provider:
    for key, value in said.items():
        if type(value) is list:
            said[key] = tuple(value)
    return Provider(name=name, **said)


SHIPPED, _FACTS = _compiled()
"""The providers that chatlab ships."""


def shipped_facts(rule: str) -> tuple[Fact, ...]:
    """What is written down of failures that the rule of this id is about."""
    return tuple(_FACTS.get(rule, ()))
