"""From an observed failure to the sample that it would make: a `Proposal`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from typing import Final

from chatlab.corpus.adding.naming import slug_of, unused
from chatlab.corpus.adding.proposal import UNKNOWN, Neighbour, Proposal, reject_secret
from chatlab.corpus.adding.validation import reject_request_data, reject_unusable
from chatlab.corpus.checking import CHECKED
from chatlab.corpus.library import Library, shipped_folder
from chatlab.corpus.novelty.clusters import LABELLED
from chatlab.corpus.novelty.similarity import (
    DedupKey,
    SimilarityIndex,
    dedup_key,
    features,
    without_numbers,
)
from chatlab.corpus.record import (
    OBSERVED,
    api_at,
    client_of,
    differences,
    encodable,
    record_of,
)
from chatlab.corpus.record_schema import FIELDS
from chatlab.corpus.sample import Sample
from chatlab.corpus.sanitizer.sanitizing import Sanitized, sanitize
from chatlab.errors import NO_RULE, Failure, Verdict, classify, observe
from chatlab.errors.reading.who_answered import normalised_provider

_NEAREST: Final = 3
_NAMES: Final = ("id", "slug")
_SHIPPED: Final = "chatlab:"


class Intake:
    """Turns failures into proposals for `corpus`.

    Each failure is compared with the samples of `corpus` and with those that ship with chatlab.
    What is known of the samples is computed once; samples that are added later are noticed.
    """

    def __init__(self, corpus: Library) -> None:
        self.corpus: Final = corpus
        self._known: Final[dict[str, Sample]] = {}
        self._features: Final[dict[str, frozenset[str]]] = {}
        self._same: Final[dict[DedupKey, str]] = {}
        self._index: SimilarityIndex | None = None

    def _updated(self) -> SimilarityIndex:
        """The index of all samples; those that the corpus got since the last call are added."""
        if self._index is None:
            folder, shipped = self.corpus.folder, shipped_folder()
            if folder is None or folder.resolve() != shipped.resolve():
                known, names = _shipped()
                self._known.update(known)
                self._features.update(names)
        new = {name: sample for name, sample in self.corpus.items() if name not in self._known}
        if self._index is not None and not new:
            return self._index
        for name, sample in new.items():
            self._known[name] = sample
            self._features[name] = features(sample.failure)
            self._same[dedup_key(sample.failure, sample.expected)] = name
        self._index = SimilarityIndex(self._features)
        return self._index

    def propose(
        self,
        anything: object,
        *,
        provider: str | None = None,
        address: str = "",
        source: Mapping[str, object] | None = None,
    ) -> Proposal:
        """The sample that `anything` would make; a corpus record keeps the label that it has.

        Parameters
        ----------
        provider : str, optional
            Who answered; it outranks what the failure shows.
        address : str
            The path of the call.
        source : mapping, optional
            The sample's field of that name.

        Raises
        ------
        SampleError
            Nothing was observed, it is too large, or it is not a failure.
        """
        reject_request_data(anything)
        given = anything if is_record(anything) and isinstance(anything, Mapping) else None
        if given is None:
            failure = observe(anything, provider)
            draft = record_of(failure) | {"api": api_at(address or _address_of(anything))}
            draft["source"] = dict(source or _program(draft))
        else:
            copy = encodable(given)
            draft = dict(copy) if isinstance(copy, Mapping) else {}
            if provider is not None:
                draft["provider"] = normalised_provider(provider)
            failure = Failure.from_record(draft)
        strict = given is not None and "expected" in given
        reject_unusable(failure, draft, labelled=strict)
        return self._proposal(failure, draft, strict=strict)

    def remember(self, proposal: Proposal, sample_id: str) -> None:
        """Treat `proposal` as a sample from now on: the same failure again is a duplicate."""
        key = dedup_key(proposal.sample.failure, proposal.expected)
        self._same.setdefault(key, sample_id)

    @staticmethod
    def outline(failure: Failure) -> bytes:
        """Equal for failures that differ in numbers and secrets only; cheap and small."""
        signals = failure.signals
        words = without_numbers(signals.words)
        seen = repr((failure.status, signals.provider, signals.should_retry, words))
        return blake2b(seen.encode("utf-8", "replace"), digest_size=16).digest()

    def _proposal(self, failure: Failure, draft: dict[str, object], *, strict: bool) -> Proposal:
        given = _name_in(draft)
        cleaned = sanitize({key: draft[key] for key in draft if key not in _NAMES})
        seen = Failure.from_record(cleaned.record)
        verdict = classify(seen)
        nearest = self._neighbours(seen)
        record = _completed(cleaned, verdict, nearest, strict=strict)
        key = dedup_key(seen, _mapping(record["expected"]))
        name = slug_of(verdict)
        same = None if strict else self._same.get(key)
        return Proposal(
            self.corpus,
            given or unused(self.corpus, record, name),
            None if given else name,
            record,
            cleaned.removed,
            verdict,
            nearest,
            same,
            () if strict else tuple(_doubts(failure, verdict, nearest, same, cleaned)),
            _refusal(cleaned, draft),
        )

    def _neighbours(self, failure: Failure) -> tuple[Neighbour, ...]:
        found = self._updated().nearest(features(failure), _NEAREST)
        return tuple(
            Neighbour(self._known[one.id], one.similarity, not one.id.startswith(_SHIPPED))
            for one in found
        )


def is_record(thing: object) -> bool:
    """Whether `thing` is a corpus record, or has nothing but fields that a record has."""
    if not isinstance(thing, Mapping):
        return False
    if "expected" in thing or "slug" in thing:
        return True
    known = (*FIELDS, *_NAMES)
    return bool(set(OBSERVED) & thing.keys()) and all(name in known for name in thing)


@cache
def _shipped() -> tuple[dict[str, Sample], dict[str, frozenset[str]]]:
    """The samples that come with chatlab, and their features; by ids that say so."""
    corpus, _ = Library.load_leniently(shipped_folder())
    samples = {f"{_SHIPPED}{one}": corpus[one] for one in corpus}
    return samples, {one: features(sample.failure) for one, sample in samples.items()}


def _refusal(cleaned: Sanitized, draft: Mapping[str, object]) -> str | None:
    if "body_file" in draft:
        return "body_file: the text that it names was not given; give it as body"
    return cleaned.problem


def _doubts(
    failure: Failure,
    verdict: Verdict,
    nearest: tuple[Neighbour, ...],
    same: str | None,
    cleaned: Sanitized,
) -> Iterator[str]:
    differ = differences(classify(failure), verdict)
    if differ:
        how = "after sanitizing" if cleaned.removed else "as a record"
        yield f"{how} the verdict changes ({'; '.join(differ)})"
    if verdict.rule in NO_RULE and not any(one.similarity >= LABELLED for one in nearest):
        yield UNKNOWN
    if same is not None:
        yield f"the same failure is already here as {same}; at most numbers differ"


def _completed(
    cleaned: Sanitized, verdict: Verdict, nearest: tuple[Neighbour, ...], *, strict: bool
) -> dict[str, object]:
    """The record with a label; of a record with a label of its own, what it has."""
    expected = {name: getattr(verdict, name) for name in CHECKED} | {"kind": str(verdict.kind)}
    why, confidence = f"the rule {verdict.rule} matches: {verdict.explain().because}", "low"
    first = nearest[0] if nearest else None
    if first is not None and first.similarity >= LABELLED:
        theirs = {name: first.sample.expected[name] for name in ("kind", "retryable")}
        if verdict.rule in NO_RULE:
            expected |= theirs | {"chain_broken": first.sample.expected["chain_broken"]}
            why = f"no rule matches it; {first.sample.id} is the nearest sample"
        elif all(expected[name] == value for name, value in theirs.items()):
            confidence = "medium"
    elif verdict.rule in NO_RULE:
        why = "no rule matches it and no sample is like it: label it"
    completed: dict[str, object] = {
        "provider": verdict.provider,
        **dict.fromkeys(("vendor", "api", "status", "body", "exception", "text", "accept")),
        "surface": "log_line",
        "headers": {},
        "expected": expected,
        "why": why,
        "confidence": confidence,
        "provenance": "contributed",
        "source": {},
        "redactions": [],
    }
    for name, value in cleaned.record.items():
        if strict or name in FIELDS:
            completed[name] = value
    return completed


def _name_in(draft: Mapping[str, object]) -> str | None:
    """The name that a record gives itself."""
    slug = draft.get("slug")
    if not isinstance(slug, str):
        return None
    reject_secret("slug", slug)
    return slug


def _program(draft: Mapping[str, object]) -> dict[str, object]:
    """The client library that raised, as the source of a sample."""
    client = client_of(str(_mapping(draft.get("exception")).get("type")))
    if client is None:
        return {}
    version = {"version": client[1]} if client[1] else {}
    return {"program": f"{client[0]} (python)", **version}


def _address_of(thing: object) -> str:
    """The path that a failed request was sent to, as its exception or response knows it."""
    try:
        return str(getattr(getattr(thing, "request", None), "url", "")).partition("?")[0]
    except Exception:  # hostile objects count as not knowing
        return ""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
