"""From anything observed of a failure to the sample that it would make: a `Proposal`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from typing import Final, NamedTuple

from chatlab.corpus.check import CHECKED
from chatlab.corpus.drafts import LABELLED
from chatlab.corpus.library import Corpus, shipped_folder
from chatlab.corpus.likeness import Likeness, features
from chatlab.corpus.proposal import Neighbour, Proposal, unused
from chatlab.corpus.record import OBSERVED, api_at, client_of, differences, encodable, record_of
from chatlab.corpus.sample import FIELDS, Sample, SampleError
from chatlab.corpus.sanitize import Sanitized, sanitize
from chatlab.corpus.sanitize_walk import texts_in
from chatlab.corpus.slug import slug_of
from chatlab.errors import UNMATCHED, Failure, Verdict, classify, observe
from chatlab.errors.providers import normalised_provider

MAX_CHARS: Final = 256 * 1024
"""A failure of more characters is refused: a sample is to be read by people."""

_NEAREST: Final = 3
_NAMES: Final = ("id", "slug")
_SHIPPED: Final = "chatlab:"
_DIGITS: Final = re.compile(r"[a-z]*\d[a-z0-9]*")


class Key(NamedTuple):
    """What two failures share that differ in numbers and addresses only.

    Where an answer was seen it is the answer's: a client that raised adds words of its own.
    """

    features: frozenset[str]
    label: tuple[object, ...]


class Intake:
    """What turns failures into proposals for `corpus`, one after the other.

    Each is held against the samples of `corpus` and against those that come with chatlab.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus: Final = corpus
        seen = {one: sample.failure for one, sample in corpus.items()}
        names = {one: features(failure) for one, failure in seen.items()}
        self._same: Final = {
            _key(failure, corpus[one].expected): one for one, failure in seen.items()
        }
        self._known: Final = dict(corpus)
        shipped = shipped_folder()
        if corpus.folder is None or corpus.folder.resolve() != shipped.resolve():
            self._known.update(_shipped()[0])
            names |= _shipped()[1]
        self._likeness: Final = Likeness(names)

    def propose(
        self,
        anything: object,
        *,
        provider: str | None = None,
        address: str = "",
        source: Mapping[str, object] | None = None,
    ) -> Proposal:
        """The sample that `anything` would make; a corpus record keeps the label that it has.

        provider: who answered; it beats what the failure says. address: the path of the call.
        source: for the sample's field. Raises `SampleError` when nothing was observed or it is
        too large, `ModuleNotFoundError` when the secret detector is missing.
        """
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
        _refuse(failure, draft)
        return self._proposal(failure, draft, strict=given is not None and "expected" in given)

    def remember(self, proposal: Proposal, sample_id: str) -> None:
        """Take `proposal` for a sample from now on: the same failure again is a duplicate."""
        key = _key(proposal.sample.failure, proposal.expected)
        self._same.setdefault(key, sample_id)

    @staticmethod
    def outline(failure: Failure) -> bytes:
        """Failures with the same outline are the same but for their numbers and secrets.

        It is quickly made and small, so that thousands can be compared.
        """
        signals = failure.signals
        words = _DIGITS.sub(" ", signals.words)
        seen = repr((failure.status, signals.provider, signals.should_retry, words))
        return blake2b(seen.encode("utf-8", "replace"), digest_size=16).digest()

    def _proposal(self, failure: Failure, draft: dict[str, object], *, strict: bool) -> Proposal:
        given = _name_in(draft)
        cleaned = sanitize({key: draft[key] for key in draft if key not in _NAMES})
        seen = Failure.from_record(cleaned.record)
        verdict = classify(seen)
        nearest = self._neighbours(seen)
        record = _completed(cleaned, verdict, nearest, strict=strict)
        key = _key(seen, _mapping(record["expected"]))
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
            tuple(_doubts(classify(failure), verdict, same)),
            _refusal(cleaned, draft),
        )

    def _neighbours(self, failure: Failure) -> tuple[Neighbour, ...]:
        found = self._likeness.nearest(features(failure), _NEAREST)
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
    corpus, _ = Corpus.load_leniently(shipped_folder())
    samples = {f"{_SHIPPED}{one}": corpus[one] for one in corpus}
    return samples, {one: features(sample.failure) for one, sample in samples.items()}


def _key(failure: Failure, expected: Mapping[str, object]) -> Key:
    label = (expected.get(name) for name in ("kind", "retryable", "provider", "chain_broken"))
    answered = failure.status is not None and failure.body
    answer = Failure(status=failure.status, body=failure.body) if answered else failure
    return Key(features(answer), tuple(map(repr, label)))


def _refuse(failure: Failure, draft: Mapping[str, object]) -> None:
    if "sign:no-evidence" in failure.signals.terms:
        raise SampleError("nothing was observed; give what the failing call said")
    size = sum(len(text) for name in OBSERVED for _, text in texts_in(draft.get(name)))
    if size > MAX_CHARS:
        raise SampleError(
            f"{size:,} characters are too many for a sample (at most {MAX_CHARS:,}); give the "
            "part that shows the failure"
        )


def _refusal(cleaned: Sanitized, draft: Mapping[str, object]) -> str | None:
    if "body_file" in draft:
        return "body_file: the text that it names was not given; give it as body"
    return cleaned.problem


def _doubts(before: Verdict, after: Verdict, same: str | None) -> Iterator[str]:
    differ = differences(before, after)
    if differ:
        yield f"without what was taken out the verdict is another ({'; '.join(differ)})"
    if same is not None:
        yield f"the same failure is already here as {same}; at most numbers differ"


def _completed(
    cleaned: Sanitized, verdict: Verdict, nearest: tuple[Neighbour, ...], *, strict: bool
) -> dict[str, object]:
    """The record with a label; of a record with a label of its own, what it has."""
    expected = {name: getattr(verdict, name) for name in CHECKED} | {"kind": str(verdict.kind)}
    why, confidence = f"the rule {verdict.rule} says so: {verdict.explain().because}", "low"
    first = nearest[0] if nearest else None
    if first is not None and first.similarity >= LABELLED:
        theirs = {name: first.sample.expected[name] for name in ("kind", "retryable")}
        if verdict.rule == UNMATCHED:
            expected |= theirs | {"chain_broken": first.sample.expected["chain_broken"]}
            why = f"no rule knows it; {first.sample.id} is most like it"
        elif all(expected[name] == value for name, value in theirs.items()):
            confidence = "medium"
    elif verdict.rule == UNMATCHED:
        why = "no rule knows it and no sample is like it: label it"
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
    return slug if isinstance(slug, str) else None


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
