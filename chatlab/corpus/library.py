"""The corpus as a collection: load it, look into it, add to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chatlab.corpus.adding.atomic_files import write_new_files, written_beside
from chatlab.corpus.checking import Report, check
from chatlab.corpus.sample import (
    SIDECARS,
    Sample,
    SampleError,
    problems_of,
    read_sample,
)
from chatlab.corpus.sample_files import files_of, sample_files
from chatlab.errors import RULES, Rule
from chatlab.text.markup import table

if TYPE_CHECKING:
    import pandas as pd

    from chatlab.corpus.adding.capture import Caught
    from chatlab.corpus.adding.proposal import Proposal

_HERE: Final = Path(__file__).parent
_NUMBERED: Final = re.compile(r"-\d+$")
_FIND: Final = "`chatlab corpus list WORD` finds ids"
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
    def load(cls, path: str | os.PathLike[str] | None = None, *, create: bool = False) -> Corpus:
        """The corpus in the folder `path`, or the one that ships with chatlab.

        create: a folder that is not there is an empty corpus, and is made by the first sample.
        Raises `SampleError` with one line for each problem of each file.
        """
        folder = shipped_folder() if path is None else Path(path)
        if create and not folder.exists():
            return cls({}, folder)
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
            like = get_close_matches(str(name), [*self._samples, *self._short])
            told = f"did you mean {like[0]!r}?" if like else _FIND
            more = f" Also near: {', '.join(like[1:])}" if like[1:] else ""
            raise KeyError(f"no sample is called {name!r}; {told}{more}")
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
        return self._prints.get(sample.fingerprint)

    @cached_property
    def _prints(self) -> dict[str, Sample]:
        """The samples by fingerprint; of two with the same, the first."""
        return {one.fingerprint: one for one in reversed(self._samples.values())}

    def _take(self, sample: Sample) -> None:
        self._prints.setdefault(sample.fingerprint, sample)
        self._samples[sample.id] = sample

    def noticed(self, sample_id: str) -> Sample | None:
        """The sample `sample_id` that somebody has written meanwhile, which is here from now on."""
        try:
            sample = read_sample(self._file_of(sample_id), sample_id)
        except SampleError:
            return None
        self._take(sample)
        return sample

    def add(self, record: Mapping[str, object], slug: str) -> Sample:
        """Write `record` into the folder as ``provider/slug.json``; returns the sample.

        Refuses, with `SampleError` and without writing: a wrong record, an id that is taken, a
        failure that is already here, the folder of an installed chatlab. The file appears whole
        or not at all, and never over another.
        """
        problems = list(self.problems_with(record, slug))
        if problems:
            raise SampleError("\n".join(problems))
        sample_id = id_of(record, slug)
        sample = Sample(sample_id, dict(record), self._file_of(sample_id))
        try:
            write_new_files(files_of(sample))
        except FileExistsError:
            raise SampleError(
                f"{sample_id}: the corpus has a sample of this name; choose another"
            ) from None
        self._take(sample)
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
        if wrong:
            yield from wrong
        elif self.is_taken(sample_id):
            yield f"{sample_id}: the corpus has a sample of this name; choose another"
        else:
            twin = self.twin_of(Sample(sample_id, record))
            if twin is not None:
                yield f"{sample_id}: the same failure is already here as {twin.id}"

    @property
    def closed(self) -> str | None:
        """Why nothing can be added here, and what to do; None when samples can be added."""
        if self.folder is None:
            return "this corpus has no folder; load it from one to add to it"
        if self.folder == _HERE / "data":
            return (
                "the corpus that was installed with chatlab is not written to; use a folder of "
                "your own: --corpus DIR, or Corpus.load('DIR', create=True)"
            )
        return None

    def is_taken(self, sample_id: str) -> bool:
        """Whether a sample, or a file where its files would be, has this name."""
        path = self._file_of(sample_id)
        beside = [path.with_name(f"{path.stem}{ending}") for ending in SIDECARS]
        return sample_id in self._samples or any(file.exists() for file in (path, *beside))

    def _file_of(self, sample_id: str) -> Path:
        return Path(self.folder or ".") / f"{sample_id}.json"

    def check(self, rules: Iterable[Rule] = RULES) -> Report:
        """Whether `rules` say of each sample what it expects."""
        return check(self.values(), rules)

    def propose(
        self, anything: object, *, provider: str | None = None, **label: object
    ) -> Proposal:
        """The sample that `anything`, whatever `classify` takes, would make here.

        provider: who answered, when the failure does not tell. label: fields that you decide, as
        in `Proposal.changed`. Look at the proposal, then ``write()`` it. Raises `SampleError` for
        what cannot become a sample, `ModuleNotFoundError` when the secret detector is missing.
        """
        from chatlab.corpus.adding.propose import Intake

        return Intake(self).propose(anything, provider=provider).changed(**label)

    def capture(self, *, provider: str | None = None, reraise: bool = False) -> Caught:
        """``with corpus.capture() as caught:`` around a call that fails; see `Caught`."""
        from chatlab.corpus.adding.capture import Caught

        return Caught(self, provider, reraise)


def id_of(record: Mapping[str, object], slug: str) -> str:
    """The id of a `record` called `slug`."""
    return f"{record.get('provider') or 'unknown'}/{slug}"


def write_sample(sample: Sample) -> None:
    """Write the file of `sample`, with a page or event stream as a sidecar; atomic by file."""
    for path, text in files_of(sample):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, never a part."""
    with written_beside(path, text) as temporary:
        temporary.replace(path)


def _short(sample_id: str) -> str:
    provider, _, slug = sample_id.partition("/")
    return f"{provider}/{_NUMBERED.sub('', slug.removeprefix(f'{provider}-'))}"
