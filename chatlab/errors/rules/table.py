"""A table of rules that finds the first that holds.

The table compiles its rows once: every phrase goes into one multi-pattern automaton, every other
piece of evidence into one dictionary, and each of them carries the set of rows it speaks for as
the bits of an integer. Judging a failure is then one scan, a few look-ups and the lowest bit that
is left.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import or_
from typing import Final, overload

from chatlab.errors.kinds import Kind
from chatlab.errors.providers import GENERIC, SHIPPED, Fact, Providers
from chatlab.errors.reading.signals import Signals
from chatlab.errors.rules.phrase_scan import PhraseScan
from chatlab.errors.rules.rule import Rule
from chatlab.errors.rules.scopes import Scopes
from chatlab.text.markup import table
from chatlab.text.spelling import suggest


@dataclass(frozen=True, slots=True)
class Seen:
    """What a table saw in a failure: a bit for each row.

    Parameters
    ----------
    own, given, unless
        The rows of which a piece of that part was seen; of `given` also those that have none.
    named
        The rows of which a piece that is no phrase was seen, or whose words count as much.
    definite
        The rows of which a definite code was seen in a field for codes.
    """

    own: int
    given: int
    unless: int
    named: int
    definite: int

    @property
    def holding(self) -> int:
        """The rows that hold. Behind a definite code, none holds by words before its row."""
        holds = self.own & self.given & ~self.unless
        definite = holds & self.definite
        if definite:
            holds &= self.named | -(definite & -definite)
        return holds

    def without(self, row_bit: int) -> Seen:
        """What would have been seen without that row."""
        kept = ~row_bit
        return replace(self, own=self.own & kept, definite=self.definite & kept)


def lowest(bits: int) -> int:
    """The first row among `bits`, or -1."""
    return (bits & -bits).bit_length() - 1


class RuleTable(Sequence[Rule]):
    """Rules in order; the first that holds decides.

    The order is the contract: see `chatlab.errors.rules`. A table is immutable; `without` and
    `replaced` give changed copies.
    """

    __slots__ = (
        "_definite",
        "_first_of_all",
        "_mask",
        "_no_given",
        "_rules",
        "_scan",
        "_scopes",
        "_size",
        "providers",
    )

    def __init__(self, rules: Iterable[Rule], providers: Providers = SHIPPED) -> None:
        self._rules: Final = tuple(rules)
        self.providers: Final = providers
        """The providers that are known, and when their facts count."""
        self._size: Final = len(self._rules)
        self._mask: Final = (1 << self._size) - 1
        ids = [rule.id for rule in self._rules]
        for repeated in {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"rules: two rules have the id {repeated!r}; give each its own")
        self._no_given = self._definite = self._first_of_all = 0
        for row, rule in enumerate(self._rules):
            documented = any(fact.column.startswith("given.") for fact in rule.documented)
            self._no_given |= 0 if rule.given or documented else 1 << row
            self._definite |= 1 << row if rule.definite else 0
            self._first_of_all |= 1 << row if rule.chain_broken else 0
        self._scopes: Final = Scopes(self._rules, providers)
        self._scan: Final = PhraseScan(self._scopes.index, self._scopes.parts_of_gapped, self._mask)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> RuleTable: ...
    def __getitem__(self, index: int | slice) -> Rule | RuleTable:
        if isinstance(index, slice):
            return RuleTable(self._rules[index], self.providers)
        return self._rules[index]

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleTable) and self._rules == other._rules

    def __hash__(self) -> int:
        return hash(self._rules)

    def __repr__(self) -> str:
        return f"RuleTable of {self._size} rules: {', '.join(rule.id for rule in self._rules)}"

    def _repr_html_(self) -> str:
        rows = [
            [str(row), rule.id, str(rule.kind), "retry" if rule.retryable else "stop", rule.because]
            for row, rule in enumerate(self._rules)
        ]
        return table(["", "rule", "kind", "then", "because"], rows)

    def without(self, *ids: str) -> RuleTable:
        """The table with the rules of these ids switched off; `KeyError` names an unknown one."""
        for name in ids:
            self.named(name)
        return RuleTable((one for one in self._rules if one.id not in ids), self.providers)

    def replaced(self, *rules: Rule) -> RuleTable:
        """The table with each of `rules` in the place of the one that has its id."""
        new = {rule.id: rule for rule in rules}
        for name in new:
            self.named(name)
        return RuleTable((new.get(one.id, one) for one in self._rules), self.providers)

    def with_providers(self, *paths: str | os.PathLike[str]) -> RuleTable:
        """The table that also knows further providers, and judges by what they document.

        Parameters
        ----------
        *paths
            TOML files, one a provider, and folders of them; a file called as a provider that is
            known takes its place, but for the facts that others share.

        Raises
        ------
        ProviderFileError
            Something in a file is wrong; one line says what.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from chatlab.errors import RULES
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "mine.toml")
        ...     _ = file.write_text('display = "Mine"')
        ...     RULES.with_providers(file).providers["mine"].display
        'Mine'
        """
        from chatlab.errors.providers.sources import read_files  # reads TOML

        files = read_files(paths, [rule.id for rule in self._rules], self.providers)
        replaced = {file.provider.name for file in files} - {GENERIC}
        facts: dict[str, list[Fact]] = {}
        for rule in self._rules:
            facts[rule.id] = [one for one in rule.documented if one.provider not in replaced]
        for rule_id, fact in (pair for file in files for pair in file.facts()):
            facts[rule_id].append(fact)
        return RuleTable(
            (replace(one, documented=tuple(dict.fromkeys(facts[one.id]))) for one in self._rules),
            self.providers.extended(
                file.provider for file in files if file.provider.name in replaced
            ),
        )

    def named(self, name: str) -> Rule:
        """The rule of this id; `KeyError` suggests the near one."""
        for rule in self._rules:
            if rule.id == name:
                return rule
        ids = [rule.id for rule in self._rules]
        raise KeyError(f"no rule is called {name!r}; {suggest(name, ids, 'see RULES')}")

    def decide(self, signals: Signals) -> int:
        """The row that decides on `signals`, or -1."""
        scope = self._scopes.of(signals.answered)
        get = scope.terms.get
        named = 0
        for term in signals.terms:
            named |= get(term, 0)
        bits = named | self._scan.read(signals.words, scope, prose=signals.prose)
        named |= bits & self._first_of_all
        size, mask = self._size, self._mask
        holds = bits & (bits >> size | self._no_given) & ~(bits >> 2 * size) & mask
        row = lowest(holds)
        if row < 0 or named >> row & 1:
            return row
        coded = reduce(or_, (get(code, 0) for code in signals.codes), 0)
        definite = coded & holds & self._definite
        return lowest(holds & (named | -(definite & -definite))) if definite else row

    def matches(self, signals: Signals) -> dict[str, int]:
        """Each piece of evidence that is in `signals`, with what it speaks for.

        Phrases are keyed as ``phrase:...``. The values are for `combined`; the lowest bits are
        those of the rows whose own evidence it is, then those of `given` and of `unless`.
        """
        scope = self._scopes.of(signals.answered)
        size, mask, codes = self._size, self._mask, frozenset(signals.codes)
        found: dict[str, int] = {}
        for term in signals.terms:
            bits = scope.terms.get(term)
            if bits is not None:
                definite = bits & self._definite if term in codes else 0
                found[term] = bits | (bits & mask) << 3 * size | definite << 4 * size
        heard: dict[tuple[int, ...], int] = {}
        self._scan.read(signals.words, scope, prose=signals.prose, heard=heard)
        for parts, bits in heard.items():
            for phrase, said in scope.spelled[parts]:
                if counted := said & bits:
                    named = counted & self._first_of_all
                    found[f"phrase:{phrase}"] = counted | named << 3 * size
        return found

    def combined(self, bits: Iterable[int]) -> Seen:
        """What several pieces of evidence amount to together."""
        every = reduce(or_, bits, 0)
        size, mask = self._size, self._mask
        own, given, unless, named, definite = (every >> n * size & mask for n in range(5))
        return Seen(own, given | self._no_given, unless, named, definite)

    def outcome(self, row: int) -> tuple[Kind, bool, str]:
        """Kind, retryable and rule id of `row`; of no row, what an unknown failure gets."""
        if row < 0:
            return Kind.GENERIC, False, "unmatched"
        rule = self._rules[row]
        return rule.kind, rule.retryable, rule.id


@lru_cache(maxsize=64)
def _compiled(rules: tuple[Rule, ...]) -> RuleTable:
    return RuleTable(rules)


def as_table(rules: Iterable[Rule]) -> RuleTable:
    """`rules` as a table; one that was compiled before is used again."""
    return rules if isinstance(rules, RuleTable) else _compiled(tuple(rules))
