"""A sample that could be added: label and evidence, what was taken out, what is like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chatlab.corpus.adding.proposal_text import proposal_html, proposal_lines
from chatlab.corpus.checking import CHECKED, Result, check_sample
from chatlab.corpus.library import id_of, shipped_folder
from chatlab.corpus.novelty.similarity import sameness
from chatlab.corpus.sample import Sample, SampleError, near, read_sample
from chatlab.corpus.sanitizer.placeholders import Removed
from chatlab.corpus.sanitizer.sanitizing import sanitize, sanitize_text
from chatlab.errors import Failure, Kind, Verdict, classify

if TYPE_CHECKING:
    from chatlab.corpus.library import Corpus
    from chatlab.errors.explain.explanation import Finding

RETRYABLE: Final[Mapping[str, bool]] = {
    **dict.fromkeys((Kind.OVERLOADED, Kind.RATE_LIMIT, Kind.TIMEOUT), True),
    **dict.fromkeys((Kind.STARTUP_TIMEOUT, Kind.STREAM_SILENCE_TIMEOUT), True),
    **dict.fromkeys((Kind.USAGE_LIMIT, Kind.AUTH, Kind.CONFIG), False),
    **dict.fromkeys((Kind.PROVIDER_DISABLED, Kind.MISSING_KEY), False),
}
"""Whether a kind is worth another attempt, nearly always; ``generic`` can be either."""

OTHERS: Final = (
    *("why", "surface", "vendor", "api", "accept", "known_miss", "confidence", "source", "id"),
)
"""What a person can change beside the fields of ``expected``."""

UNKNOWN: Final = "no rule and no sample knows it; say what it is: kind=... (--kind)"
"""The doubt that a kind which a person chooses settles."""


def unused(corpus: Corpus, record: Mapping[str, object], name: str) -> str:
    """`name`, or with a number after it that no sample of the corpus has: 2 and up, no gaps."""
    return _numbered(name, _free(corpus, record, name))


def _free(corpus: Corpus, record: Mapping[str, object], name: str) -> int:
    """The number behind the last that is taken, found in few looks; 1 stands for no number."""

    def is_taken(number: int) -> bool:
        return corpus.is_taken(id_of(record, _numbered(name, number)))

    taken, free = 0, 1
    while is_taken(free):
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if is_taken(middle) else (taken, middle)
    return free


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A sample that is like a proposal. similarity: from 0 to 1, the same words and codes.

    ours: whether it is in the corpus that is added to; otherwise it comes with chatlab.
    """

    sample: Sample
    similarity: float
    ours: bool = True

    def __str__(self) -> str:
        said = "retry" if self.sample.expected.get("retryable") else "stop"
        where = "" if self.ours else " of chatlab"
        kind = self.sample.expected.get("kind")
        return f"{self.sample.id}{where} ({self.similarity:.0%}): {kind}, {said}"


@dataclass(frozen=True, slots=True)
class Added:
    """A sample that was written, and what the check says of it."""

    result: Result

    @property
    def sample(self) -> Sample:
        """The sample, as it was read back from its file."""
        return self.result.sample

    @property
    def ok(self) -> bool:
        """Whether the check passes: the rules say what the label says, or it is a known miss."""
        return self.result.ok == (self.sample.known_miss is None)

    def __str__(self) -> str:
        sample = self.sample
        label = _said(sample.expected)
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


@dataclass(frozen=True, slots=True, repr=False)
class Proposal:
    """What a failure would be as a sample; nothing secret is in it, and nothing is written yet.

    record: the draft, complete. removed: what was taken out. verdict: on what is left, with its
    evidence. nearest: the samples most like it, the best first. same_as: the id of the sample that
    is this failure but for its numbers. doubts: what speaks against adding it, which `write` takes
    only with ``anyway=True``. slug: the file's name; name: what is numbered when that is taken, or
    None when a person chose it.
    """

    corpus: Corpus = field(compare=False)
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

    @property
    def sample(self) -> Sample:
        """The draft as a sample."""
        return Sample(self.id, self.record)

    @property
    def expected(self) -> Mapping[str, object]:
        """The label: kind, retryable, provider, status_code, retry_after_s, chain_broken."""
        return self.sample.expected

    @property
    def evidence(self) -> tuple[Finding, ...]:
        """What the verdict rests on, and where in the failure it stands."""
        return self.verdict.evidence

    @property
    def result(self) -> Result:
        """What the check will say of it."""
        return check_sample(self.sample)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot be written, a line each; nothing when it can."""
        found = [self.refused] if self.refused else []
        slug = self._unused()
        here = list(self.corpus.problems_with(self.record, slug))
        while here and slug != self._unused():  # somebody took the name just now
            slug = self._unused()
            here = list(self.corpus.problems_with(self.record, slug))
        found += here
        if self.sample.known_miss and not found and self.result.ok:
            found.append("known_miss: the rules say what the label says; leave it out")
        return tuple(found)

    def changed(self, **fields: object) -> Proposal:
        """The proposal with what you decide: a field of ``expected`` by its name, or one of
        why, surface, vendor, api, accept, known_miss, confidence, source, id.

        A kind brings its usual retry decision along. Raises `SampleError` for another name.
        """
        known = (*CHECKED, *OTHERS)
        for name in fields:
            if name not in known:
                raise SampleError(f"{name}: no such field{near(name, known)}")
        if not fields:
            return self
        label = {str(name): fields.pop(name) for name in CHECKED if name in fields}
        usual = RETRYABLE.get(str(label.get("kind")))
        if usual is not None:
            label.setdefault("retryable", usual)
        record = {**self.record, **{name: fields[name] for name in fields if name != "id"}}
        if label:
            record["expected"] = {**self.expected, **label}
            record["confidence"] = fields.get("confidence", "high")
            record["why"] = fields.get("why", self._why(label))
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
        chosen = fields.get("id")
        if chosen is None:
            return replace(changed, slug=changed._unused())
        refuse_secret("id", str(chosen))
        folder, _, name = str(chosen).rpartition("/")
        who = str(record.get("provider") or "unknown")
        if folder not in ("", who):
            raise SampleError(f"id: {chosen!r} must begin with {who}/, the provider's name")
        return replace(changed, slug=name, name=None)

    def write(self, id: str | None = None, *, anyway: bool = False, **fields: object) -> Added:
        """Write the sample into the corpus and check it; ``fields`` as in `changed`.

        Raises `SampleError`, and writes nothing, when there is a problem, or a doubt without
        ``anyway``. Never writes over a file.
        """
        if id is not None:
            fields["id"] = id
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
            slug = self._unused()  # before the look at twins: one that comes later takes this name
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
                    raise  # else somebody took the name just now, and the next number is free

    def _written_meanwhile(self) -> Sample | None:
        """The same failure among the samples that somebody else has given the suggested name."""
        if self.name is None:
            return None
        mine = sameness(self.sample.failure, self.expected)
        for number in range(_free(self.corpus, self.record, self.name) - 1, 0, -1):
            taken = id_of(self.record, _numbered(self.name, number))
            if taken in self.corpus:
                break
            other = self.corpus.noticed(taken)
            if other is not None and sameness(other.failure, other.expected) == mine:
                return other
        return None

    def _unused(self) -> str:
        """The name that a person chose, or the first number of the suggested one that is free."""
        return self.slug if self.name is None else unused(self.corpus, self.record, self.name)

    def _why(self, label: Mapping[str, object]) -> object:
        decided = {"kind", "retryable", "chain_broken"} & label.keys()
        if all(label[name] == self.expected.get(name) for name in decided):
            return self.record.get("why")
        return f"labelled by a person; the rule {self.verdict.rule} says otherwise"

    def __str__(self) -> str:
        return "\n".join(proposal_lines(self))

    def __repr__(self) -> str:
        return f"{self}\nto add it: .write(), or .write(kind=..., id=...) with what you decide"

    def _repr_html_(self) -> str:
        return proposal_html(self)


def refuse_secret(where: str, name: str) -> None:
    """Raise `SampleError`, which does not repeat it, when a sample's name holds a secret."""
    removed = sanitize_text(name).removed
    if removed:
        raise SampleError(
            f"{where}: in the name stands a secret ({removed[0].kind}); choose another"
        )


def _said(expected: Mapping[str, object]) -> str:
    return f"{expected.get('kind')}, {'retry' if expected.get('retryable') else 'stop'}"
