"""A sample that could be added: its label and evidence, what was removed, similar samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Unpack

from chatlab.corpus.adding.label import EXPECTED, FIELDS, RETRYABLE, Label
from chatlab.corpus.adding.naming import first_free, numbered, unused
from chatlab.corpus.adding.proposal_text import proposal_html, proposal_lines
from chatlab.corpus.checking import Result, check_sample
from chatlab.corpus.library import Library, id_of, shipped_folder
from chatlab.corpus.novelty.similarity import dedup_key
from chatlab.corpus.record_schema import near
from chatlab.corpus.sample import Sample, SampleError, folder_of
from chatlab.corpus.sample_files import read_sample
from chatlab.corpus.sanitizer.placeholders import Removed
from chatlab.corpus.sanitizer.sanitizing import sanitize, sanitize_text
from chatlab.errors import Failure, Verdict, classify
from chatlab.errors.explain.evidence import Finding

UNKNOWN: Final = "no rule and no sample matches it; say what it is: kind=... (--kind)"
"""The doubt that is settled when a person chooses the kind."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A sample similar to a proposal. similarity: from 0 to 1 (the same words and codes).

    ours: whether it is in the corpus that is added to; otherwise it ships with chatlab.
    """

    sample: Sample
    similarity: float
    ours: bool = True

    def __str__(self) -> str:
        action = "retry" if self.sample.expected.get("retryable") else "stop"
        where = "" if self.ours else " of chatlab"
        kind = self.sample.expected.get("kind")
        return f"{self.sample.id}{where} ({self.similarity:.0%}): {kind}, {action}"


@dataclass(frozen=True, slots=True)
class Added:
    """A sample that was written, and the result of its check."""

    result: Result

    @property
    def sample(self) -> Sample:
        """The sample, read back from its file."""
        return self.result.sample

    @property
    def ok(self) -> bool:
        """Whether the check passes: the rules agree with the label, or it is a known miss."""
        return self.result.ok == (self.sample.known_miss is None)

    def __str__(self) -> str:
        sample = self.sample
        label = _label(sample.expected)
        if self.ok:
            passes = "a known miss" if sample.known_miss else "the check passes"
            return f"wrote {sample.path}: {label}; {passes}"
        differ = "; ".join(map(str, self.result.differences))
        folder = sample.path.parents[1] if sample.path else None
        own = f" --corpus {folder}" if folder and folder != shipped_folder() else ""
        return (
            f"wrote {sample.path}: {label}; the check fails: {differ}. Change the rule "
            f"{self.result.verdict.rule}, or take its verdict: chatlab corpus accept {sample.id}"
            f'{own}; or write the reason into the file: "known_miss": "..."'
        )

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Proposal:
    """A failure as a sample: sanitized, and not written yet.

    record: the complete draft. removed: what was removed. verdict: on the sanitized failure,
    with its evidence. nearest: the most similar samples, the best first. same_as: the id of the
    sample that differs from it in numbers only. doubts: reasons not to add it, which `write`
    accepts only with ``anyway=True``. slug: the file's name. name: the suggested name, which gets
    a number when it is taken; None when a person chose the name.
    """

    corpus: Library = field(compare=False)
    slug: str
    name: str | None
    record: Mapping[str, object]
    removed: tuple[Removed, ...]
    verdict: Verdict
    nearest: tuple[Neighbour, ...]
    same_as: str | None = None
    doubts: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def id(self) -> str:
        """The id that it would have, such as ``openai/429-rate-limit-exceeded``."""
        return id_of(self.record, self.slug)

    @cached_property
    def sample(self) -> Sample:
        """The draft as a sample."""
        return Sample(self.id, self.record)

    @property
    def expected(self) -> Mapping[str, object]:
        """The label: kind, retryable, provider, status_code, retry_after_s, chain_broken."""
        return self.sample.expected

    @property
    def evidence(self) -> tuple[Finding, ...]:
        """What the verdict is based on, and where in the failure it is."""
        return self.verdict.evidence

    @cached_property
    def result(self) -> Result:
        """The result that its check will have."""
        return check_sample(self.sample)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot be written, a line each; nothing when it can."""
        found = [self.refused] if self.refused else []
        slug = self._unused()
        here = list(self.corpus.problems_with(self.record, slug))
        while here and slug != self._unused():  # another process took the name just now
            slug = self._unused()
            here = list(self.corpus.problems_with(self.record, slug))
        found += here
        if self.sample.known_miss and not found and self.result.ok:
            found.append("known_miss: the rules agree with the label; leave it out")
        return tuple(found)

    def changed(self, **fields: Unpack[Label]) -> Proposal:
        """The proposal with the fields that you decide; a kind brings its usual retry decision.

        Parameters
        ----------
        **fields
            See `Label`.

        Raises
        ------
        SampleError
            A name is not a field of a label, or the id holds a secret or another folder.
        """
        for name in fields:
            if name not in FIELDS:
                raise SampleError(f"{name}: no such field{near(name, FIELDS)}")
        if not fields:
            return self
        given: dict[str, object] = {**fields}
        label: dict[str, object] = {n: given.pop(n) for n in EXPECTED if n in given}
        usual = RETRYABLE.get(str(label.get("kind")))
        if usual is not None:
            label.setdefault("retryable", usual)
        chosen = given.pop("id", None)
        record = {**self.record, **given}
        if label:
            record["expected"] = {**self.expected, **label}
            record["confidence"] = given.get("confidence", "high")
            record["why"] = given.get("why", self._why(label))
        if "provider" in label:
            record["provider"] = label["provider"]
        if record.get("known_miss") is None:
            record.pop("known_miss", None)
        record = sanitize(record).record
        settled = UNKNOWN if "kind" in label else ""
        changed = replace(
            self,
            record=record,
            verdict=classify(Failure.from_record(record)),
            doubts=tuple(one for one in self.doubts if one != settled),
        )
        if chosen is None:
            return replace(changed, slug=changed._unused())
        reject_secret("id", str(chosen))
        folder, _, name = str(chosen).rpartition("/")
        right = folder_of(record)
        if folder not in ("", right):
            raise SampleError(
                f"id: {chosen!r} must begin with {right}/, the folder of its provider"
            )
        return replace(changed, slug=name, name=None)

    def write(self, *, anyway: bool = False, **fields: Unpack[Label]) -> Added:
        """Write the sample into the corpus and check it. Never replaces a file.

        Parameters
        ----------
        anyway : bool
            Whether to add it in spite of its doubts.
        **fields
            What you decide, as in `changed`.

        Raises
        ------
        SampleError
            There is a problem, or a doubt without ``anyway``. Nothing is written.
        """
        wanted = self.changed(**fields)
        against = wanted.problems or (() if anyway else wanted.doubts)
        if against:
            more = "" if wanted.problems else "; give anyway=True (--yes) to add it all the same"
            lines = [f"{wanted.id}: {one.removeprefix(f'{wanted.id}: ')}" for one in against]
            raise SampleError("\n".join(lines) + more)
        sample = wanted._added(anyway)
        path = Path(sample.path or "")
        return Added(check_sample(read_sample(path, sample.id)))

    def _added(self, anyway: bool) -> Sample:
        while True:
            slug = self._unused()  # before looking for twins: a later one then takes this name
            twin = None if anyway else self._written_meanwhile()
            if twin is not None:
                raise SampleError(
                    f"{self.id}: the same failure was written just now as {twin.id}; at most "
                    "numbers differ; give anyway=True (--yes) to add it all the same"
                )
            try:
                return self.corpus.add(self.record, slug)
            except SampleError:
                if self._unused() == slug:
                    raise  # otherwise the name was taken just now, and the next number is free

    def _written_meanwhile(self) -> Sample | None:
        """The same failure, written by another process under the suggested name."""
        if self.name is None:
            return None
        mine = dedup_key(self.sample.failure, self.expected)
        for number in range(first_free(self.corpus, self.record, self.name) - 1, 0, -1):
            taken = id_of(self.record, numbered(self.name, number))
            if taken in self.corpus:
                break
            other = self.corpus.reload(taken)
            if other is not None and dedup_key(other.failure, other.expected) == mine:
                return other
        return None

    def _unused(self) -> str:
        """The name that a person chose, or the first number of the suggested one that is free."""
        return self.slug if self.name is None else unused(self.corpus, self.record, self.name)

    def _why(self, label: Mapping[str, object]) -> object:
        decided = {"kind", "retryable", "chain_broken"} & label.keys()
        if all(label[name] == self.expected.get(name) for name in decided):
            return self.record.get("why")
        return f"labelled by a person; the rule {self.verdict.rule} disagrees"

    def __str__(self) -> str:
        return "\n".join(proposal_lines(self))

    def __repr__(self) -> str:
        return f"{self}\nto add it: .write(), or .write(kind=..., id=...) with what you decide"

    def _repr_html_(self) -> str:
        return proposal_html(self)


def reject_secret(where: str, name: str) -> None:
    """Raise `SampleError`, which does not repeat the name, when a sample's name holds a secret."""
    removed = sanitize_text(name).removed
    if removed:
        raise SampleError(f"{where}: the name holds a secret ({removed[0].kind}); choose another")


def _label(expected: Mapping[str, object]) -> str:
    return f"{expected.get('kind')}, {'retry' if expected.get('retryable') else 'stop'}"
