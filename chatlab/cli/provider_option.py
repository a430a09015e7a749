"""The options ``--provider`` and ``--providers`` of several commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from chatlab.cli.output import complain

if TYPE_CHECKING:
    from chatlab.errors import RuleTable


def add_providers_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--providers``, which names files of providers that chatlab does not ship."""
    parser.add_argument(
        "--providers",
        action="append",
        default=[],
        metavar="FILE|DIR",
        help="also know the provider of this TOML file, or those of a folder; may be repeated",
    )


def rules_of(chosen: argparse.Namespace) -> RuleTable:
    """The rules, with the providers that the option names; `ProviderFileError` for a wrong file."""
    from chatlab.errors import RULES

    return RULES.with_providers(*chosen.providers) if chosen.providers else RULES


def add_provider_option(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--provider`` to `parser`; a name that is nearly a known one is pointed out."""
    parser.add_argument("--provider", type=_noted, help=help)


def _noted(provider: str) -> str:
    """`provider` as it is; any name is allowed, because there are many compatible servers."""
    from chatlab.errors.providers import SHIPPED
    from chatlab.text.spelling import near_names

    near = near_names(provider, SHIPPED, 1)
    if near and SHIPPED.find(provider) is None and SHIPPED.reported(provider) is not None:
        complain(
            f"--provider: {provider!r} is taken for an OpenAI-compatible server; "
            f"did you mean {near[0]!r}?"
        )
    return provider
