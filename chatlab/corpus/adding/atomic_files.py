"""Files that are written whole and never over another: the last one appears when all are there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
    with written_beside(path, text) as temporary:
        _appear(temporary, path)


@contextmanager
def written_beside(path: Path, text: str) -> Iterator[Path]:
    """A hidden file that holds `text`, in the folder of `path`; afterwards it is gone.

    An `OSError` names `path`, or its folder when nothing can be made there, never the hidden file.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path.parent)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        yield temporary
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
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
