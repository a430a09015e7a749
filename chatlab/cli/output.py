"""The one place where commands write to the terminal, and their exit statuses.

What is shown comes from providers and files: no control character of theirs is written.
"""

from __future__ import annotations

import sys
from typing import Final

from chatlab.text.markup import visible

FOUND_DIFFERENCE: Final = 1
"""The exit status of a command that found a difference, or refused a part of its input."""

WRONG_USE: Final = 2
INTERRUPTED: Final = 130
"""What shells call a program that Ctrl-C ended."""


def say(text: object = "", *, flush: bool = False) -> None:
    r"""Write `text` and a line end to standard output, control characters spelled out.

    >>> say("gone \x1b[2J")
    gone \u001b[2J
    """
    print(shown(text), flush=flush)


def complain(text: object, command: str = "chatlab") -> None:
    """Write `text` to standard error: where, what is wrong, what to do."""
    print(f"{command}: {shown(text)}", file=sys.stderr)


def shown(text: object) -> str:
    """`text` without control characters but line ends and tabs; JSON stays the same JSON."""
    return visible(str(text)).replace("\r", "\\r")
