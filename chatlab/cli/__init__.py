"""The command ``chatlab``: one module for each subcommand."""

from chatlab.cli.entry_point import main

__all__ = ["main"]


def __dir__() -> list[str]:
    return __all__
