"""The corpus as a collection: load it, look into it, add to it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chatlab.corpus.sample import (
    SIDECARS,
    Sample,
    SampleError,
    formatted,
    near,
    problems_of,
    read_sample,
)
from chatlab.markup import table

if TYPE_CHECKING:
    import pandas as pd

_HERE: Final = Path(__file__).parent
_NUMBERED: Final = re.compile(r"-\d+$")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,119}")


def shipped_folder() -> Path:
    """Where the corpus that comes with chatlab is: in the checkout, or inside the wheel."""
    checkout = _HERE.parents[1] / "corpus"
    return checkout if (checkout / "schema.json").is_file() else _HERE / "data"


class Corpus(Mapping[str, Sample]):
    """Samples by id, such as ``anthropic/anthropic-overloaded-529-1``.

    A sample also answers to its short name, without the provider's name and the number that its
    file repeats, where that is unambiguous: ``corpus["anthropic/overloaded-529"]``.
    """

    def __init__(self, samples: Mapping[str, Sample], folder: Path | None = None) -> None:
        self._samples = dict(sorted(samples.items()))
        self.folder = folder
        short: dict[str, list[str]] = {}
        for sample_id in self._samples:
            short.setdefault(_short(sample_id), []).append(sample_id)
        self._short = {name: ids[0] for name, ids in short.items() if len(ids) == 1}

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Corpus:
        """The corpus in the folder `path`, or the one that ships with chatlab.

        Raises `SampleError` with one line for each problem of each file.
        """
        folder = shipped_folder() if path is None else Path(path)
        corpus, problems = cls.load_leniently(folder)
        if problems:
            raise SampleError("\n".join(problems))
        return corpus

    @classmethod
    def load_leniently(cls, folder: Path) -> tuple[Corpus, list[str]]:
        """The usable samples of `folder`, and a line for each problem of the others."""
        if not folder.is_dir():
            raise SampleError(f"{folder}: there is no such folder; name one that holds samples")
        samples: dict[str, Sample] = {}
        problems: list[str] = []
        for file in sample_files(folder):
            sample_id = file.relative_to(folder).with_suffix("").as_posix()
            try:
                samples[sample_id] = read_sample(file, sample_id)
            except SampleError as error:
                problems += str(error).splitlines()
        return cls(samples, folder), problems

    def __getitem__(self, name: str) -> Sample:
        sample = self._samples.get(name) or self._samples.get(self._short.get(name, ""))
        if sample is None:
            raise KeyError(
                f"no sample is called {name!r}{near(name, [*self._samples, *self._short])[:200]}"
            )
        return sample

    def __iter__(self) -> Iterator[str]:
        return iter(self._samples)

    def __len__(self) -> int:
        return len(self._samples)

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._samples, *self._short]

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {name}" for name, n in self.counted("provider").items())
        return f"Corpus of {len(self)} samples: {counts}"

    def _repr_html_(self) -> str:
        rows = [[name, str(n)] for name, n in self.counted("provider").items()]
        return table(["provider", "samples"], [*rows, ["all", str(len(self))]])

    def counted(self, name: str) -> dict[str, int]:
        """How many samples have each value of a field, such as ``provider`` or ``surface``."""
        counts: dict[str, int] = {}
        for sample in self.values():
            value = str(getattr(sample, name) or "unknown")
            counts[value] = counts.get(value, 0) + 1
        return dict(sorted(counts.items()))

    def to_frame(self) -> pd.DataFrame:
        """One row a sample, indexed by id, with its expected verdict; needs the ``lab`` extra."""
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "Corpus.to_frame needs pandas: pip install 'chatlab[lab]'"
            ) from None
        rows = [
            {
                "id": sample.id,
                "vendor": sample.vendor,
                "api": sample.api,
                "surface": sample.surface,
                **sample.expected,
                "confidence": sample.record.get("confidence"),
                "provenance": sample.record.get("provenance"),
                "why": sample.record.get("why"),
            }
            for sample in self.values()
        ]
        return pd.DataFrame(rows).set_index("id")

    def twin_of(self, sample: Sample) -> Sample | None:
        """The sample that is already here and is the same as `sample`."""
        same = sample.fingerprint
        return next((one for one in self.values() if one.fingerprint == same), None)

    def add(self, record: Mapping[str, object], slug: str) -> Sample:
        """Write `record` into the folder as ``provider/slug.json``; returns the sample.

        Refuses, with `SampleError` and without writing: a wrong record, an id that is taken, a
        failure that is already here. The file appears whole or not at all.
        """
        if self.folder is None:
            raise SampleError("this corpus has no folder; load it from one to add to it")
        if not _SLUG.fullmatch(slug):
            raise SampleError(f"slug: {slug!r} must be lower-case letters, digits, '-' and '.'")
        sample_id = f"{record.get('provider') or 'unknown'}/{slug}"
        problems = list(problems_of(dict(record)))
        if problems:
            raise SampleError("\n".join(f"{sample_id}: {problem}" for problem in problems))
        path = self.folder / f"{sample_id}.json"
        sample = Sample(sample_id, dict(record), path)
        if sample_id in self._samples or path.exists():
            raise SampleError(f"{sample_id}: the corpus has a sample of this name; choose another")
        twin = self.twin_of(sample)
        if twin is not None:
            raise SampleError(f"{sample_id}: the same failure is already here as {twin.id}")
        write_sample(sample)
        self._samples[sample_id] = sample
        return sample


def sample_files(folder: Path) -> list[Path]:
    """The record files below `folder`, sorted, without hidden folders and ``schema.json``."""
    return sorted(
        file
        for file in folder.rglob("*.json")
        if file != folder / "schema.json"
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def write_sample(sample: Sample) -> None:
    """Write the file of `sample`, with a page or event stream as a sidecar; atomic by file."""
    path = sample.path
    if path is None:
        raise SampleError(f"{sample.id}: the sample has no path to be written to")
    path.parent.mkdir(parents=True, exist_ok=True)
    record = dict(sample.record)
    body = record.get("body")
    ending = sidecar_ending(body)
    if ending is not None and isinstance(body, str):
        name = f"{path.stem}{ending}"
        write_atomically(path.with_name(name), body)
        record.pop("body")
        record["body_file"] = name
    else:
        record.pop("body_file", None)
    write_atomically(path, formatted(record))


def sidecar_ending(body: object) -> str | None:
    """How the sidecar of `body` ends, or None when it belongs into the record."""
    if not isinstance(body, str):
        return None
    opening = body.lstrip()[:200].lower()
    if opening.startswith(("event:", "data:")):
        return SIDECARS[1]
    return SIDECARS[0] if opening.startswith("<") else None


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def read_records(text: str, where: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The records of a JSON Lines text, each with its slug; `SampleError` names the line."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise SampleError(f"{where}: line {number}: no JSON ({error})") from None
        if not isinstance(record, dict) or not isinstance(record.get("slug"), str):
            raise SampleError(f"{where}: line {number}: slug: every record needs a name; add one")
        slug = str(record.pop("slug"))
        yield slug, record


def _short(sample_id: str) -> str:
    provider, _, slug = sample_id.partition("/")
    return f"{provider}/{_NUMBERED.sub('', slug.removeprefix(f'{provider}-'))}"
