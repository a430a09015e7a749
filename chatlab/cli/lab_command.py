"""The command ``chatlab lab``: JupyterLab on the notebooks."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from chatlab.exceptions import MissingExtra


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``chatlab lab`` its arguments."""
    parser.add_argument("--folder", default="chatlab-notebooks", help="where copies go")
    parser.add_argument("options", nargs="*", help="passed on to JupyterLab, after --")
    parser.set_defaults(command=_lab)


def _lab(chosen: argparse.Namespace) -> int:
    if find_spec("jupyterlab") is None:
        raise MissingExtra("chatlab lab", "jupyterlab")
    command = [sys.executable, "-m", "jupyterlab", str(_notebooks(Path(chosen.folder)))]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container's only user
        command.append("--allow-root")
    return subprocess.run([*command, *chosen.options], check=False).returncode


def _notebooks(copies: Path) -> Path:
    """The checkout's notebooks, or copies of the wheel's; a copy that exists is kept."""
    checkout = Path(__file__).parents[2] / "notebooks"
    if checkout.is_dir():
        return checkout
    copies.mkdir(parents=True, exist_ok=True)
    for notebook in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")):
        copy = copies / notebook.name
        if not copy.exists():
            copy.write_bytes(notebook.read_bytes())
    return copies
