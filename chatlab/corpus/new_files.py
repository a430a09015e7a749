"""Files that are written whole and never over another: the last one appears when all are there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def write_new_files(files: Sequence[tuple[Path, str]]) -> None:
    """Write each text to its path, in order; folders are made where they are missing.

    Raises `FileExistsError`, which names the path, when one is taken, and `OSError` when one
    cannot be written; then none of them is left. A reader sees a file whole or not at all.
    """
    made: list[Path] = []
    try:
        for path, text in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_new(path, text)
            made.append(path)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise


def _write_new(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        _appear(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _appear(temporary: Path, path: Path) -> None:
    """Give `temporary` the name `path`, which nothing has; of two who try, one fails."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: take the name first, then fill it at once
        with path.open("xb"):
            pass
        try:
            temporary.replace(path)
        except BaseException:
            path.unlink()
            raise
