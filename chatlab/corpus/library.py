"""Samples in a folder: load them, find one, add one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from chatlab.corpus.atomic_files import abandoned_files, write_atomically, write_new_files
from chatlab.corpus.record_schema import SIDECARS, problems_of
from chatlab.corpus.sample import Sample, SampleError, folder_of
from chatlab.corpus.sample_files import (
    files_of,
    folded_id,
    named_sidecars,
    printable,
    problem_of_name,
    read_sample,
    sample_files,
    sidecars_of,
)
from chatlab.errors.providers import SHIPPED, Providers
from chatlab.text.markup import table
from chatlab.text.spelling import near_names

_HERE: Final = Path(__file__).parent
_NUMBER: Final = re.compile(r"-\d+$")
_FIND: Final = "`chatlab corpus list WORD` finds ids"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,119}")
_MIN_AGE_S: Final = 3600.0


def shipped_folder() -> Path:
    """The folder of chatlab's own corpus: in the checkout, or inside the wheel."""
    checkout = _HERE.parents[1] / "corpus"
    return checkout if (checkout / "schema.json").is_file() else _HERE / "data"


class Library(Mapping[str, Sample]):
    """Samples by id, such as ``anthropic/anthropic-overloaded-529-1``.

    A sample also has a short name, where it is unambiguous: its id without the folder's name,
    ``captured-`` and the number in the file's name, as in ``corpus["anthropic/overloaded-529"]``.
    """

    def __init__(self, samples: Mapping[str, Sample], folder: Path | None = None) -> None:
        self._samples = dict(sorted(samples.items()))
        self.folder = folder
        short: dict[str, list[str]] = {}
        for sample_id in self._samples:
            short.setdefault(_short(sample_id), []).append(sample_id)
        self._short = {name: ids[0] for name, ids in short.items() if len(ids) == 1}

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        create: bool = False,
        providers: Providers = SHIPPED,
    ) -> Self:
        """The corpus in the folder `path`, or the one that ships with chatlab.

        Parameters
        ----------
        path : str or path, optional
            A folder of samples.
        create : bool
            Whether a missing folder is an empty corpus; the first sample makes the folder.
        providers : Providers
            Whose failures the samples may be, such as `RuleTable.providers`.

        Raises
        ------
        SampleError
            A file cannot be used; the text has one line for each problem of each file.
        """
        folder = shipped_folder() if path is None else Path(path)
        if create and not folder.exists():
            return cls({}, folder)
        corpus, problems = cls.load_leniently(folder, providers)
        if problems:
            raise SampleError("\n".join(problems))
        return corpus

    @classmethod
    def load_leniently(cls, folder: Path, providers: Providers = SHIPPED) -> tuple[Self, list[str]]:
        """The usable samples of `folder`, and a line for each problem of the other files."""
        if not folder.is_dir():
            raise SampleError(
                f"{printable(str(folder))}: no such folder; name one that holds samples"
            )
        samples: dict[str, Sample] = {}
        problems: list[str] = []
        folded: dict[str, str] = {}
        for file in sample_files(folder):
            sample_id = file.relative_to(folder).with_suffix("").as_posix()
            other = folded.setdefault(folded_id(sample_id), sample_id)
            if other != sample_id:
                shown = printable(str(file))
                problems.append(f"{shown}: differs from {other} only in case; rename one of them")
                continue
            try:
                samples[sample_id] = read_sample(file, sample_id, providers)
            except SampleError as error:
                problems += str(error).splitlines()
        return cls(samples, folder), problems

    def __getitem__(self, name: str) -> Sample:
        sample = self._samples.get(name) or self._samples.get(self._short.get(name, ""))
        if sample is None:
            like = near_names(name, [*self._samples, *self._short])
            hint = f"did you mean {like[0]!r}?" if like else _FIND
            more = f" Also near: {', '.join(like[1:])}" if like[1:] else ""
            raise KeyError(f"no sample is called {name!r}; {hint}{more}")
        return sample

    def __iter__(self) -> Iterator[str]:
        return iter(self._samples)

    def __len__(self) -> int:
        return len(self._samples)

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._samples, *self._short]

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {name}" for name, n in self.counted("provider").items())
        return f"{type(self).__name__} of {len(self)} samples: {counts}"

    def _repr_html_(self) -> str:
        rows = [[name, str(n)] for name, n in self.counted("provider").items()]
        return table(["provider", "samples"], [*rows, ["all", str(len(self))]])

    def counted(self, name: str) -> dict[str, int]:
        """How many samples have each value of a field, such as ``provider`` or ``provenance``."""
        counts: dict[str, int] = {}
        for sample in self.values():
            value = str(getattr(sample, name) or "unknown")
            counts[value] = counts.get(value, 0) + 1
        return dict(sorted(counts.items()))

    def twin_of(self, sample: Sample) -> Sample | None:
        """The sample that is already here and shows the same failure as `sample`."""
        return self._by_fingerprint.get(sample.fingerprint)

    @cached_property
    def _by_fingerprint(self) -> dict[str, Sample]:
        """The samples by fingerprint; of two with the same, the first."""
        return {one.fingerprint: one for one in reversed(self._samples.values())}

    def _insert(self, sample: Sample) -> None:
        self._by_fingerprint.setdefault(sample.fingerprint, sample)
        self._samples[sample.id] = sample

    def reload(self, sample_id: str) -> Sample | None:
        """Read the sample `sample_id`, which another process wrote; None when it is unusable."""
        try:
            sample = read_sample(self._file_of(sample_id), sample_id)
        except SampleError:
            return None
        self._insert(sample)
        return sample

    def add(self, record: Mapping[str, object], slug: str) -> Sample:
        """Write `record` into the folder as ``provider/slug.json``; returns the sample.

        The file appears complete or not at all, and never replaces another.

        Raises
        ------
        SampleError
            The record is wrong, the id is taken, the failure is already here, or the corpus is
            that of an installed chatlab. Nothing is written.
        """
        problems = list(self.problems_with(record, slug))
        if problems:
            raise SampleError("\n".join(problems))
        sample_id = id_of(record, slug)
        sample = Sample(sample_id, dict(record), self._file_of(sample_id))
        try:
            write_new_files(files_of(sample))
        except FileExistsError:
            raise SampleError(_taken(sample_id)) from None
        self._insert(sample)
        return sample

    def problems_with(self, record: Mapping[str, object], slug: str) -> Iterator[str]:
        """Why `add` would refuse `record`, a line each; nothing when it would not."""
        if self.closed is not None:
            yield self.closed
            return
        if not _SLUG.fullmatch(slug):
            yield f"slug: {slug!r} must be lower-case letters, digits, '-' and '.'"
            return
        sample_id = id_of(record, slug)
        wrong = [f"{sample_id}: {problem}" for problem in problems_of(dict(record))]
        wrong += [f"{sample_id}: {problem}" for problem in (problem_of_name(sample_id),) if problem]
        if self._file_of(sample_id).parent.is_symlink():
            wrong.append(f"{sample_id}: its folder is a link; replace the link by a folder")
        if wrong:
            yield from wrong
        elif self.is_taken(sample_id):
            yield _taken(sample_id)
        else:
            twin = self.twin_of(Sample(sample_id, record))
            if twin is not None:
                yield f"{sample_id}: the same failure is already here as {twin.id}"

    @property
    def closed(self) -> str | None:
        """Why no sample can be added here, and what to do; None when samples can be added."""
        if self.folder is None:
            return "this corpus has no folder; load it from one to add to it"
        if self.folder == _HERE / "data":
            return (
                "the corpus that was installed with chatlab is read-only; use a folder of your "
                "own: --corpus DIR, or Corpus.load('DIR', create=True)"
            )
        return None

    def is_taken(self, sample_id: str) -> bool:
        """Whether a sample, or a file where its files would be, has this name."""
        path = self._file_of(sample_id)
        beside = [path.with_name(f"{path.stem}{ending}") for ending in SIDECARS]
        return sample_id in self._samples or any(file.exists() for file in (path, *beside))

    def leftovers(self, *, now_s: float, min_age_s: float = _MIN_AGE_S) -> list[Path]:
        """Files that a writer that was killed left in the folder; they can be deleted.

        Temporary files, and sidecars that no sample names.

        Parameters
        ----------
        now_s : float
            The time now, in seconds since the epoch, as ``time.time()`` gives it.
        min_age_s : float
            Younger files may belong to a writer that is at work, and are left out.
        """
        if self.folder is None:
            return []
        orphans = set(sidecars_of(self.folder)) - self._named_sidecars()
        found = sorted({*abandoned_files(self.folder), *orphans})
        return [file for file in found if now_s - file.lstat().st_mtime >= min_age_s]

    def _named_sidecars(self) -> set[Path]:
        named = named_sidecars(self._samples)
        unusable = set(sample_files(self.folder or Path())) - {one.path for one in self.values()}
        for file in unusable:  # a record that cannot be used may name its sidecar all the same
            named |= {file.with_name(f"{file.stem}{ending}") for ending in SIDECARS}
        return named

    def _file_of(self, sample_id: str) -> Path:
        return Path(self.folder or ".") / f"{sample_id}.json"


def id_of(record: Mapping[str, object], slug: str) -> str:
    """The id of a `record` called `slug`: its folder and its name."""
    return f"{folder_of(record)}/{slug}"


def write_sample(sample: Sample) -> None:
    """Write the file of `sample`, with a page or event stream as a sidecar; atomic by file."""
    for path, text in files_of(sample):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)


def _taken(sample_id: str) -> str:
    return f"{sample_id}: the corpus has a sample with this name; choose another"


def _short(sample_id: str) -> str:
    folder, _, slug = sample_id.partition("/")
    return f"{folder}/{_NUMBER.sub('', slug.removeprefix('captured-').removeprefix(f'{folder}-'))}"
