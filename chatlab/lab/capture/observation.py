"""What one run of a program left behind, before anything is made stable."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chatlab.exceptions import ChatlabError

PACKAGE: Final = Path(__file__).parent
_TOOLS: Final = "CHATLAB_CAPTURE_TOOLS"


class CaptureError(ChatlabError):
    """A capture that could not be made; one line that says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a program showed of one failure, in the fields of a sample.

    version: of the program. ports: what the loopback ports of this run stand for, by number.
    live: kind and retryable of the exception itself, where a Python driver classified it.
    """

    version: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    exception: Mapping[str, str | None] | None = None
    text: str | None = None
    ports: Mapping[int, int] = field(default_factory=dict)
    live: tuple[str, bool] | None = None


def tools() -> Path:
    """The folder for what recipes need: ``$CHATLAB_CAPTURE_TOOLS``, else a temporary one."""
    named = os.environ.get(_TOOLS)
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "chatlab-capture"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
