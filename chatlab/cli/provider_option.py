"""The option ``--provider`` of several commands."""

from __future__ import annotations

import argparse

from chatlab.cli.output import complain


def add_provider_option(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--provider`` to `parser`; a name that is nearly a known one is pointed out."""
    parser.add_argument("--provider", type=_noted, help=help)


def _noted(provider: str) -> str:
    """`provider` as it is; any name is allowed, because there are many compatible servers."""
    from chatlab.errors.reading.who_answered import DISPLAY_NAMES, normalised_provider
    from chatlab.text.spelling import near_names

    near = near_names(provider, DISPLAY_NAMES, 1)
    unknown = normalised_provider(provider) == "openai-compat"
    if unknown and near and near != ["openai-compat"]:
        complain(
            f"--provider: {provider!r} is taken for an OpenAI-compatible server; "
            f"did you mean {near[0]!r}?"
        )
    return provider
