"""The command ``chatlab``: exit status 0, 1 (found a difference), 2 (wrong use).

The module of a subcommand is imported when the subcommand is chosen.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Final, NoReturn

from chatlab import __version__
from chatlab.cli.output import INTERRUPTED, WRONG_USE, complain
from chatlab.exceptions import ChatlabError
from chatlab.text.spelling import suggest

_COMMANDS: Final = {
    "classify": ("classify_command", "say what a failure is, why, and what to do"),
    "corpus": ("corpus_commands", "real failures with their expected verdicts"),
    "replay": ("replay_command", "play a script of failures through the real SDK"),
    "providers": ("providers_command", "who is known, and what each documents of its failures"),
    "lab": ("lab_command", "open JupyterLab on the notebooks"),
}
"""The module and the help of each subcommand; the module has a function ``describe``."""

_ELSEWHERE: Final = "choose a place where you may, such as --corpus DIR, or change the rights"
_REMEDIES: Final = {
    errno.ENOENT: "check the name",
    errno.EISDIR: "name a file in it",
    errno.ENOTDIR: "name a folder",
    errno.EEXIST: "choose another name",
    errno.ELOOP: "it is a link to itself; name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "make room, or choose another disk: --corpus DIR",
    errno.EDQUOT: "make room, or choose another disk: --corpus DIR",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _ELSEWHERE),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``chatlab``.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    SystemExit
        For ``--help`` and ``--version`` (status 0), and for arguments that are wrong (status 2).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        chosen = _parser(given).parse_args(given)
        command: Callable[[argparse.Namespace], int] = chosen.command
        return command(chosen)
    except BrokenPipeError:  # the reader has what it wanted; keep Python from flushing into it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        complain("interrupted; what was written before stays")
        return INTERRUPTED
    except SyntaxError as wrong:  # in a rule that somebody is writing
        complain(f"{wrong.filename}: line {wrong.lineno}: {wrong.msg}; correct it there")
    except OSError as error:
        complain(_refused(error))
    except (ChatlabError, KeyError) as error:
        complain(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return WRONG_USE


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is; status 2."""
        complain(f"{message}; `{self.prog} --help` shows what there is", self.prog)
        raise SystemExit(WRONG_USE)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Name the near choice; by default argparse lists all of them."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            hint = suggest(value, choices, f"choose one of {', '.join(choices)}")
            raise argparse.ArgumentError(action, f"{value!r} is not known; {hint}")


def _parser(given: list[str]) -> argparse.ArgumentParser:
    """The parser; only the subcommand that `given` chooses has its arguments."""
    parser = _Parser(
        prog="chatlab",
        description="Classify, retry and replay the ways in which LLM providers fail.",
    )
    parser.add_argument("--version", action="version", version=f"chatlab {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen = given[0] if given else ""
    for name, (module, words) in _COMMANDS.items():
        command = commands.add_parser(name, help=words)
        if name == chosen:
            import_module(f"chatlab.cli.{module}").describe(command)
    return parser


def _refused(error: OSError) -> str:
    """What the system refused, in one line: the file, what is wrong, what to do."""
    where = f"{error.filename}: " if error.filename is not None else ""
    said = error.strerror[:1].lower() + error.strerror[1:] if error.strerror else str(error)
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}{said}{f'; {remedy}' if remedy else ''}"
