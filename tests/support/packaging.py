"""What pyproject.toml says of the extras."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SETTINGS: Final[dict[str, Any]] = tomllib.loads(
    (ROOT / "pyproject.toml").read_text(encoding="utf-8")
)
PROJECT: Final[dict[str, Any]] = SETTINGS["project"]
EXTRAS: Final[dict[str, list[str]]] = PROJECT["optional-dependencies"]


def distributions(extra: str) -> set[str]:
    """The names of all that an extra installs, by way of other extras too."""
    found: set[str] = set()
    for line in EXTRAS[extra]:
        name = re.split(r"[<>=~!;\[ ]", line)[0]
        if name == "chatlab":
            for other in line.partition("[")[2].rstrip("]").split(","):
                found |= distributions(other)
        else:
            found.add(name)
    return found
