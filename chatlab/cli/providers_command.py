"""The command ``chatlab providers``: who is known, and what each documents of its failures."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields
from itertools import groupby

from chatlab.cli.output import say
from chatlab.cli.provider_option import add_providers_option, rules_of
from chatlab.errors import RULES
from chatlab.errors.providers import GENERIC, SHIPPED, Provider
from chatlab.errors.providers.sources import ProviderFile, Source, read_files, shipped_files
from chatlab.text.plain_table import aligned


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``chatlab providers`` its arguments."""
    parser.description = (
        "The providers, gateways and servers that chatlab knows, with what each is reported as "
        "and how many facts of its failures are written down; or one of them, with its sources."
    )
    parser.add_argument(
        "name", nargs="?", help="show this one; 'generic' shows the facts that are nobody's own"
    )
    add_providers_option(parser)
    parser.set_defaults(command=_providers)


def _providers(chosen: argparse.Namespace) -> int:
    files = {file.provider.name: file for file in shipped_files()}
    ids = [rule.id for rule in RULES]
    added = read_files(chosen.providers, ids, SHIPPED)
    files |= {file.provider.name: file for file in added}
    if chosen.name is None:
        say("\n".join(aligned(_rows(files))))
        return 0
    known = rules_of(chosen).providers
    name = GENERIC if chosen.name == GENERIC else known.named(chosen.name).name
    say("\n".join(_shown(files[name])))
    return 0


def _rows(files: dict[str, ProviderFile]) -> Iterator[list[str]]:
    yield ["name", "reported as", "facts", "called"]
    for name, file in sorted(files.items()):
        reported = "" if name == GENERIC else file.provider.reported
        yield [name, reported, str(sum(1 for _ in file.facts())), file.provider.display]


def _shown(file: ProviderFile) -> Iterator[str]:
    provider = file.provider
    yield f"{provider.name}: {provider.display}"
    for field in fields(Provider):
        value = getattr(provider, field.name)
        if value and field.name not in ("name", "display"):
            words = ", ".join(value) if isinstance(value, tuple) else str(value).lower()
            yield f"  {field.name.replace('_', ' ')}: {words}"
    for source in file.sources:
        yield from _facts(source)


def _facts(source: Source) -> Iterator[str]:
    yield f"\n{source.where}, read {source.read}"
    for (rule, column), facts in groupby(source.facts, lambda pair: (pair[0], pair[1].column)):
        yield f"  {rule} {column}: {', '.join(str(fact.value) for _, fact in facts)}"
