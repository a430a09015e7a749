"""Files that appear complete or not at all, and never replace another file unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

TEMPORARY: Final = (".chatlab-", ".tmp")
"""How the name of a file begins and ends that is being written."""


def write_new_files(files: Sequence[tuple[Path, str]]) -> None:
    """Write each text to its path, in order; missing folders are made.

    A reader sees a file complete or not at all.

    Raises
    ------
    FileExistsError
        A path is taken; it names the path, and none of the files is left.
    OSError
        A file cannot be written; none of them is left.
    """
    made: list[Path] = []
    try:
        for path, text in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_beside(path, text) as temporary:
                _appear(temporary, path)
            made.append(path)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path`: a reader sees the old file or the new one, never a part of one."""
    with written_beside(path, text) as temporary:
        temporary.replace(path)


@contextmanager
def written_beside(path: Path, text: str) -> Iterator[Path]:
    """A hidden file that holds `text`, in the folder of `path`; it is removed afterwards.

    An `OSError` names `path`, or its folder when nothing can be made there, not the hidden file.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY[0], suffix=TEMPORARY[1])
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


def abandoned_files(folder: Path) -> Iterator[Path]:
    """The temporary files below `folder`; a writer that was killed leaves one behind."""
    for place, _, files in os.walk(folder):
        yield from (
            Path(place) / name
            for name in sorted(files)
            if name.startswith(TEMPORARY[0]) and name.endswith(TEMPORARY[1])
        )


def _appear(temporary: Path, path: Path) -> None:
    """Give `temporary` the name `path`, which must be free; of two concurrent calls one fails."""
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
