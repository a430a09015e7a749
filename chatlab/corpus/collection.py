"""The corpus as users know it: a library that proposes, captures and checks samples."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from chatlab.corpus.adding.capture import Caught
from chatlab.corpus.adding.label import Decision
from chatlab.corpus.adding.proposal import Proposal
from chatlab.corpus.adding.propose import Intake
from chatlab.corpus.checking import Report, check
from chatlab.corpus.library import Library
from chatlab.errors import RULES, Rule
from chatlab.exceptions import MissingExtra

if TYPE_CHECKING:
    import pandas as pd


class Corpus(Library):
    """Real failures with their expected verdicts, by id.

    >>> corpus = Corpus.load()
    >>> corpus["anthropic/overloaded-529"].expected["kind"]
    'overloaded'
    >>> corpus.check().unexpected
    ()
    """

    def check(self, rules: Iterable[Rule] = RULES) -> Report:
        """Whether `rules` give each sample its expected verdict."""
        return check(self.values(), rules)

    def propose(
        self, anything: object, *, provider: str | None = None, **label: Unpack[Decision]
    ) -> Proposal:
        """The sample that `anything` would make here; look at it, then ``write()`` it.

        >>> proposal = Corpus.load().propose("HTTP 529: Overloaded", provider="anthropic")
        >>> proposal.expected["kind"], proposal.expected["retryable"]
        ('overloaded', True)

        Parameters
        ----------
        anything : object
            Whatever `classify` takes: an exception, a response, a text, a record.
        provider : str, optional
            Who answered, when the failure does not show it.
        **label
            Fields that you decide: see `Decision`.

        Raises
        ------
        SampleError
            It cannot become a sample; the text says why and what to do.
        """
        return self.intake.propose(anything, provider=provider).changed(**label)

    @cached_property
    def intake(self) -> Intake:
        """Makes the proposals; it keeps what it computes of the samples."""
        return Intake(self)

    def capture(self, *, provider: str | None = None, reraise: bool = False) -> Caught:
        """``with corpus.capture() as caught:`` around a call that fails.

        Parameters
        ----------
        provider : str, optional
            Who answers, when the failure does not show it.
        reraise : bool
            Whether the exception leaves the block as well.
        """
        return Caught(self.intake, provider=provider, reraise=reraise)

    def to_frame(self) -> pd.DataFrame:
        """One row a sample, indexed by id, with its expected verdict.

        Raises
        ------
        MissingExtra
            pandas is missing; the text says which extra to install.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise MissingExtra("Corpus.to_frame", "pandas") from None
        rows = [
            {
                "id": sample.id,
                "vendor": sample.vendor,
                "api": sample.api,
                "surface": sample.surface,
                **sample.expected,
                "confidence": sample.record.get("confidence"),
                "provenance": sample.provenance,
                "why": sample.record.get("why"),
            }
            for sample in self.values()
        ]
        return pd.DataFrame(rows).set_index("id")
