"""The files of a corpus: which there are, what is in each, and which files a sample is made of.

Only regular files are read, and only up to a limit: a link, a pipe or a device is refused before
it is opened. Whatever is wrong with a file is one line that names it.
"""

from __future__ import annotations

import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NoReturn

from chatlab.corpus.record_schema import SIDECARS, formatted, problems_of
from chatlab.corpus.sample import Sample, SampleError
from chatlab.errors.providers import SHIPPED, Providers
from chatlab.errors.reading.text.streams import is_event_stream

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""A file of more bytes is not read."""

_MAX_DIGITS: Final = 40
"""An integer of more digits is in no answer of a provider; Python refuses to print some of them."""

_OPEN_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)
_WINDOWS_NAMES: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]|[. ]$')


def sample_files(folder: Path) -> list[Path]:
    """The record files below `folder`, sorted, without hidden folders and ``schema.json``.

    A folder that is a link is not followed; it is in the list, so that reading it says so.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(place)
        odd = [n for n in folders if n.endswith(".json") or (here / n).is_symlink()]
        found += [here / name for name in odd]
        found += [
            here / name for name in files if name.endswith(".json") and not name.startswith(".")
        ]
    return sorted(file for file in found if file != folder / "schema.json")


def read_sample(path: Path, sample_id: str, providers: Providers = SHIPPED) -> Sample:
    """The sample in `path`, of a failure of one of `providers`.

    `SampleError` says everything that is wrong with the file.
    """
    wrong = problem_of_name(sample_id)
    if wrong:
        raise SampleError(f"{printable(str(path))}: {wrong}")
    where = printable(str(path))
    record = _decoded(_read(path, where), where)
    problems = list(problems_of(record, providers))
    if problems:
        raise SampleError("\n".join(f"{where}: {printable(problem)}" for problem in problems))
    if isinstance(record, dict) and "body_file" in record:
        record["body"] = _sidecar(path, where, str(record["body_file"]))
    return Sample(sample_id, record if isinstance(record, dict) else {}, path)


def problem_of_name(sample_id: str) -> str | None:
    """Why a file cannot be called `sample_id` on every system; None when it can.

    >>> problem_of_name("openai/aux")
    "the name 'aux' is reserved on Windows; rename the file"
    >>> problem_of_name("openai/429") is None
    True
    """
    for name in sample_id.split("/"):
        if not name.isprintable() or _has_surrogate(name):
            return f"the name {name!a} cannot be printed; rename the file"
        if _WINDOWS_NAMES.fullmatch(name):
            return f"the name {name!r} is reserved on Windows; rename the file"
        if _NOT_ON_WINDOWS.search(name):
            return f"the name {name!r} is not allowed on Windows; rename the file"
    return None


def printable(text: str) -> str:
    """`text`, with every character that a terminal does not show spelled out."""
    return text if text.isprintable() else ascii(text)[1:-1]


def folded_id(sample_id: str) -> str:
    """Equal for two ids that are one file where case and composed accents do not count."""
    return unicodedata.normalize("NFC", sample_id).casefold()


def files_of(sample: Sample) -> list[tuple[Path, str]]:
    """The files of `sample` with their texts, the record last."""
    path = sample.path
    if path is None:
        raise SampleError(f"{sample.id}: the sample has no path; add it to a corpus with a folder")
    record = dict(sample.record)
    body = record.get("body")
    ending = sidecar_ending(body)
    if ending is None or not isinstance(body, str):
        record.pop("body_file", None)
        return [(path, formatted(record))]
    name = f"{path.stem}{ending}"
    record.pop("body")
    record["body_file"] = name
    return [(path.with_name(name), body), (path, formatted(record))]


def sidecar_ending(body: object) -> str | None:
    """How the sidecar of `body` ends, or None when it belongs into the record."""
    if not isinstance(body, str):
        return None
    if is_event_stream(body):
        return SIDECARS[1]
    return SIDECARS[0] if body.lstrip()[:1] == "<" else None


def _read(path: Path, where: str) -> bytes:
    """What is in the regular file `path`, at most `MAX_FILE_BYTES`."""
    try:
        _refuse_special(path.lstat(), where)
        handle = os.open(path, _OPEN_FLAGS)
        with os.fdopen(handle, "rb") as file:
            _refuse_special(os.fstat(handle), where)
            raw = file.read(MAX_FILE_BYTES + 1)
    except SampleError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SampleError(
            f"{where}: cannot be read ({reason.lower()}); rename or remove it"
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        raise SampleError(f"{where}: larger than {MAX_FILE_BYTES:,} bytes; shorten its body")
    return raw


def _refuse_special(state: os.stat_result, where: str) -> None:
    if stat.S_ISREG(state.st_mode):
        return
    kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe"}
    kind = kinds.get(stat.S_IFMT(state.st_mode), "a device or a socket")
    raise SampleError(f"{where}: cannot be read (it is {kind}); put a file there or remove it")


def _decoded(raw: bytes, where: str) -> object:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except UnicodeDecodeError as error:
        raise SampleError(f"{where}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise SampleError(
            f"{where}: line {error.lineno}: not valid JSON ({error.msg}); correct it there"
        ) from None
    except ValueError as error:
        raise SampleError(f"{where}: {printable(str(error))}") from None
    except RecursionError:
        raise SampleError(f"{where}: the JSON is nested too deeply; use a body_file") from None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the key {name[:60]!r} is there twice; keep one of them")
            seen.add(name)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number; write null or a text")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"an integer has {len(digits):,} digits; write it as a text")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:20]} is too large; write it as a text")
    return number


def _sidecar(path: Path, where: str, name: str) -> str:
    if name != Path(name).name or not name.endswith(SIDECARS) or problem_of_name(name):
        endings = " or ".join(SIDECARS)
        shown = ascii(name)[:80]
        raise SampleError(
            f"{where}: body_file: {shown} must be a file beside it with a name ending in {endings}"
        )
    text = _read(path.with_name(name), f"{where}: body_file: {name}").decode("utf-8", "replace")
    if "\0" in text:
        raise SampleError(f"{where}: body_file: {name} holds a NUL character; remove it")
    return text


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def sidecars_of(folder: Path) -> Iterator[Path]:
    """Every page and event stream below `folder` that is named as the body of a sample."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in sorted(files) if name.endswith(SIDECARS))


def named_sidecars(samples: Mapping[str, Sample]) -> set[Path]:
    """The sidecars that `samples` name."""
    return {
        sample.path.with_name(str(sample.record["body_file"]))
        for sample in samples.values()
        if sample.path is not None and "body_file" in sample.record
    }
