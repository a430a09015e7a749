"""The text on the clipboard, by the command that the platform has for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Final

from chatlab.corpus import SampleError

_POWERSHELL: Final = (
    *("powershell.exe", "-NoProfile", "-NonInteractive", "-Command"),
    "[Console]::OutputEncoding=[Text.Encoding]::UTF8; Get-Clipboard -Raw",
)
_COMMANDS: Final = (
    ("pbpaste",),
    ("wl-paste", "--no-newline"),
    ("xclip", "-selection", "clipboard", "-out"),
    ("xsel", "--clipboard", "--output"),
    _POWERSHELL,
)
_TIMEOUT_S: Final = 10


def clipboard() -> bytes:
    """The clipboard's text; `SampleError` when it has none, or nothing here can read it."""
    command = next((one for one in _usable() if shutil.which(one[0])), None)
    if command is None:
        raise SampleError(
            "--clipboard: no command here reads it; install wl-clipboard (Wayland) or xclip (X11), "
            "or pipe the text in: chatlab corpus add -"
        )
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise SampleError(
            f"--clipboard: {command[0]} did not answer within {_TIMEOUT_S} s; copy the text again"
        ) from None
    if answer.returncode or not answer.stdout.strip():
        said = answer.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        reason = f" ({command[0]}: {said})" if said else ""
        raise SampleError(f"--clipboard: it holds no text{reason}; copy the failure first")
    return answer.stdout


def _usable() -> tuple[tuple[str, ...], ...]:
    """The commands, the platform's own first; Wayland's only where Wayland runs."""
    if sys.platform == "win32":
        return (_POWERSHELL,)
    wayland = bool(os.environ.get("WAYLAND_DISPLAY"))
    return tuple(one for one in _COMMANDS if wayland or one[0] != "wl-paste")
