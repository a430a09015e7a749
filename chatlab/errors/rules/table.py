"""A table of rules that finds the first that holds.

The table compiles its rows once: every phrase goes into one multi-pattern automaton, every other
piece of evidence into one dictionary, and each of them carries the set of rows it speaks for as
the bits of an integer. Judging a failure is then one scan, a few look-ups and the lowest bit that
is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache, reduce
from operator import or_
from pathlib import Path
from typing import Final, overload

from chatlab.errors.kinds import Kind
from chatlab.errors.providers import GENERIC, SHIPPED, Fact, Providers
from chatlab.errors.reading.phrases import contains, in_order, same_run
from chatlab.errors.reading.signals import Signals
from chatlab.errors.rules.rule import Rule
from chatlab.errors.rules.scopes import Scope, Scopes
from chatlab.text.markup import table
from chatlab.text.matcher import compile_matcher

_MANY: Final = 256
"""From how many matches on it pays to leave out those that cannot matter."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a table saw in a failure: a bit for each row whose evidence is there."""

    own: int
    given: int
    unless: int


class RuleTable(Sequence[Rule]):
    """Rules in order; the first that holds decides.

    The order is the contract: see `chatlab.errors.rules`. A table is immutable; `without` and
    `replaced` give changed copies.
    """

    __slots__ = (
        "_automaton",
        "_edges",
        "_mask",
        "_no_given",
        "_parts",
        "_rules",
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
        self._no_given = 0
        for row, rule in enumerate(self._rules):
            documented = any(fact.column.startswith("given.") for fact in rule.documented)
            self._no_given |= 0 if rule.given or documented else 1 << row
        self._scopes: Final = Scopes(self._rules, providers)
        index = self._scopes.index
        self._parts = self._scopes.parts_of_gapped
        self._edges = [(same_run(piece[0]), same_run(piece[-1])) for piece in index]
        self._automaton = compile_matcher(list(index))

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

    def with_providers(self, *paths: str | Path) -> RuleTable:
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
        close = get_close_matches(name, [rule.id for rule in self._rules], n=1)
        raise KeyError(
            f"no rule is called {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
        )

    def decide(self, signals: Signals) -> int:
        """The row that decides on `signals`, or -1."""
        scope = self._scopes.of(signals.answered)
        bits = self._read(signals.words, scope)
        get = scope.terms.get
        for term in signals.terms:
            bits |= get(term, 0)
        size, mask = self._size, self._mask
        holds = bits & (bits >> size | self._no_given) & ~(bits >> 2 * size) & mask
        return (holds & -holds).bit_length() - 1

    def _read(self, words: str, scope: Scope) -> int:
        """The bits of the phrases in `words`, which begin and end with a blank."""
        bits = 0
        parts, phrase_bits, edges = self._parts, scope.whole, self._edges
        hits: dict[int, list[tuple[int, int]]] = {}
        done: set[int] = set()
        matches = self._automaton.find_matches_as_indexes(words, overlapping=True)
        if len(matches) > _MANY:
            matches = self._that_matter(matches, scope)
        for number, start, end in matches:
            if number in done:
                continue
            before, after = edges[number]
            if words[start - 1] in before or words[end] in after:
                continue
            bits |= phrase_bits[number]
            if number in parts:
                hits.setdefault(number, []).append((start, end))
            else:
                done.add(number)
        if hits:
            for last in hits.keys() & scope.gapped.keys():
                for gapped in scope.gapped[last]:
                    places = [hits.get(part, []) for part in gapped.parts]
                    if all(places) and in_order(places, words):
                        bits |= gapped.bits
        return bits

    def _that_matter(
        self, matches: list[tuple[int, int, int]], scope: Scope
    ) -> list[tuple[int, int, int]]:
        """`matches` without the pieces of phrases of which another piece is nowhere."""
        present = {number for number, _, _ in matches}
        wanted = {number for number in present if scope.whole[number]}
        for last in present & scope.gapped.keys():
            for gapped in scope.gapped[last]:
                if present.issuperset(gapped.parts):
                    wanted.update(gapped.parts)
        return [match for match in matches if match[0] in wanted]

    def matches(self, signals: Signals) -> dict[str, int]:
        """Each piece of evidence that is in `signals`, with the bits of the rows it speaks for.

        The slow and telling way to `see`: phrases are keyed as ``phrase:...``.
        """
        scope = self._scopes.of(signals.answered)
        found = {term: scope.terms[term] for term in signals.terms if term in scope.terms}
        for phrase, bits in scope.phrases.items():
            if contains(signals.words, phrase):
                found[f"phrase:{phrase}"] = bits
        return found

    def combined(self, bits: Iterable[int]) -> Seen:
        """What several pieces of evidence amount to together."""
        every = reduce(or_, bits, 0)
        size, mask = self._size, self._mask
        return Seen(every & mask, (every >> size) & mask | self._no_given, every >> 2 * size)

    def outcome(self, row: int) -> tuple[Kind, bool, str]:
        """Kind, retryable and rule id of `row`; of no row, what an unknown failure gets."""
        if row < 0:
            return Kind.GENERIC, False, "unmatched"
        rule = self._rules[row]
        return rule.kind, rule.retryable, rule.id

    def first(self, seen: Seen) -> int:
        """The row that decides: the lowest bit that holds, or -1."""
        holds = seen.own & seen.given & ~seen.unless
        return (holds & -holds).bit_length() - 1


@lru_cache(maxsize=64)
def _compiled(rules: tuple[Rule, ...]) -> RuleTable:
    return RuleTable(rules)


def as_table(rules: Iterable[Rule]) -> RuleTable:
    """`rules` as a table; one that was compiled before is used again."""
    return rules if isinstance(rules, RuleTable) else _compiled(tuple(rules))
