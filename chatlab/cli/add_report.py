"""What ``chatlab corpus add`` does with each failure that it was given, and what it says of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, cast

from chatlab.cli.output import FOUND_DIFFERENCE, complain, say
from chatlab.corpus import Corpus, Label, SampleError
from chatlab.corpus.adding.inputs import Observed
from chatlab.corpus.adding.proposal import Added, Proposal
from chatlab.corpus.adding.proposal_text import label_text
from chatlab.corpus.novelty.similarity import DedupKey, dedup_key
from chatlab.errors import Failure

_DECIDED: Final = (
    *("kind", "retryable", "status_code", "retry_after_s", "chain_broken", "surface", "vendor"),
    *("api", "why", "confidence", "known_miss", "id"),
)
_PLACES_SHOWN: Final = 3


MAX_NEW: Final = 50
"""More new samples than that are written with --yes only."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an input holds: how many failures, how many that differ, and whether many are new."""

    failures: int
    different: int
    many: bool

    def refuse(self) -> None:
        """Raise `SampleError` when so many samples are not to be written unasked."""
        if self.many:
            raise SampleError(
                f"{self.different:,} different failures, more than {MAX_NEW} of them new; look "
                "with --dry-run, and give --yes to write them all"
            )


class Adding:
    """Adds failures to `corpus`, as the command line in `chosen` wants it."""

    def __init__(self, chosen: argparse.Namespace, corpus: Corpus) -> None:
        self._chosen: Final = chosen
        self._intake: Final = corpus.intake
        options = {name: getattr(chosen, name) for name in _DECIDED}
        given = {name: one for name, one in options.items() if one is not None}
        self._decided: Final = cast(Label, given)
        self._outlines: Final[dict[bytes, str]] = {}
        self._same: Final[dict[str, list[str]]] = {}
        self._same_count: Final[dict[str, int]] = {}
        self._written = 0
        self._refused = 0
        self._failing = 0

    def single(self, observed: Observed) -> int:
        """Show the one failure, ask on a terminal, write it; returns the exit status."""
        proposal = self._proposed(observed)
        say(proposal)
        if self._chosen.dry_run:
            against = proposal.problems or (proposal.doubts and not self._chosen.yes)
            return FOUND_DIFFERENCE if against or not _passes(proposal) else 0
        if not proposal.problems and not self.agreed("write it? [y/N] "):
            return FOUND_DIFFERENCE
        try:
            return 0 if self._write(proposal).ok else FOUND_DIFFERENCE
        except SampleError as problem:
            complain(problem)
            return FOUND_DIFFERENCE

    def foreseen(self, found: Iterable[Observed | SampleError]) -> Foreseen:
        """What writing `found` leads to; with --yes, and in a dry run, nothing is too much."""
        failures, outlines = 0, set()
        new: set[DedupKey] = set()
        asked = not (self._chosen.yes or self._chosen.dry_run)
        for one in found:
            if isinstance(one, SampleError):
                continue
            failures += 1
            outline = self._outline(one.thing)
            if outline in outlines:
                continue
            outlines.add(outline)
            if asked and len(new) <= MAX_NEW:
                with suppress(SampleError):
                    proposal = self._proposed(one)
                    if proposal.same_as is None and not proposal.problems:
                        new.add(dedup_key(proposal.sample.failure, proposal.expected))
        return Foreseen(failures, len(outlines), len(new) > MAX_NEW)

    def several(self, found: Iterable[Observed | SampleError]) -> int:
        """Write what is new among `found`, with a line for each; returns the exit status."""
        for one in found:
            try:
                if isinstance(one, SampleError):
                    raise one
                self._one_of_several(one)
            except SampleError as problem:
                self._refused += 1
                place = f"{one.place}: " if isinstance(one, Observed) else ""
                complain(f"{place}{problem}")
        for known, places in self._same.items():
            more = self._same_count[known] - len(places)
            say(f"same as {known}: {', '.join(places)}{f' and {more:,} more' if more else ''}")
        say(self._summary())
        return FOUND_DIFFERENCE if self._refused or self._failing else 0

    def agreed(self, question: str) -> bool:
        """Whether the person at the terminal agrees; nobody else is asked, nor with --yes."""
        if self._chosen.yes or self._chosen.dry_run or not sys.stdin.isatty():
            return True
        try:
            return input(question).strip().lower() in ("y", "yes")
        except EOFError:
            return False

    def _one_of_several(self, observed: Observed) -> None:
        outline = self._outline(observed.thing)
        if outline in self._outlines:
            self._note(self._outlines[outline], observed.place)
            return
        proposal = self._proposed(observed)
        if proposal.same_as is not None:
            self._outlines[outline] = proposal.same_as
            self._note(proposal.same_as, observed.place)
            return
        name = proposal.id
        if self._chosen.dry_run:
            against = proposal.problems or (() if self._chosen.yes else proposal.doubts)
            if against:
                raise SampleError("; ".join(against))
            self._written += 1
            self._failing += not _passes(proposal)
            say(f"would write {name}: {label_text(proposal.expected)}")
        else:
            name = self._write(proposal).sample.id
        self._intake.remember(proposal, name)
        self._outlines[outline] = name

    def _outline(self, thing: object) -> bytes:
        """The same for failures that differ in numbers and secrets only, and for equal lines."""
        if isinstance(thing, Failure):
            return self._intake.outline(thing)
        return blake2b(json.dumps(thing, sort_keys=True).encode(), digest_size=16).digest()

    def _write(self, proposal: Proposal) -> Added:
        added = proposal.write(anyway=self._chosen.yes)
        self._written += 1
        self._failing += not added.ok
        say(added)
        return added

    def _proposed(self, observed: Observed) -> Proposal:
        proposal = self._intake.propose(
            observed.thing,
            provider=self._chosen.provider,
            address=observed.path,
            source=observed.source,
        )
        if observed.doubt:
            proposal = replace(proposal, doubts=(*proposal.doubts, observed.doubt))
        return proposal.changed(**self._decided)

    def _note(self, known: str, place: str) -> None:
        self._same_count[known] = self._same_count.get(known, 0) + 1
        places = self._same.setdefault(known, [])
        if len(places) < _PLACES_SHOWN:
            places.append(place)

    def _summary(self) -> str:
        did = "would be written" if self._chosen.dry_run else "written"
        parts = [f"{self._written:,} {did}"]
        same = sum(self._same_count.values())
        parts += [f"{same:,} the same as one that is there"] if same else []
        parts += [f"{self._refused:,} refused"] if self._refused else []
        parts += [f"the check fails for {self._failing:,}"] if self._failing else []
        return ", ".join(parts)


def _passes(proposal: Proposal) -> bool:
    return proposal.result.ok == (proposal.sample.known_miss is None)
