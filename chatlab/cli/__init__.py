"""The command ``chatlab``: one module for each subcommand."""

from chatlab.cli.main import main

__all__ = ["main"]
