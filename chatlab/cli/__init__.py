"""The command ``chatlab``: one module for each subcommand."""

from chatlab.cli.entry_point import main

__all__ = ["main"]
