"""Coverage and mutation: what each rule is there for, and whether the corpus would notice."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

import pytest

from chatlab.cli import main
from chatlab.corpus import Corpus, Sample, check_sample
from chatlab.corpus.mutation.mutants import (
    DELETE_FACT,
    DELETE_RULE,
    DROP_UNLESS,
    FLIP,
    OPERATORS,
    SWAP,
    Mutant,
    mutants,
)
from chatlab.corpus.mutation.mutation_run import Mutation, mutate
from chatlab.corpus.mutation.precedence import contract
from chatlab.corpus.mutation.rule_coverage import Coverage, coverage
from chatlab.errors import RULES, Evidence, Kind, Rule, RuleTable, classify

pytestmark = pytest.mark.slow


def sample(name: str, text: str, kind: str, retryable: bool, **more: object) -> Sample:
    """A sample that says `text` and expects `kind`."""
    expected = {
        "kind": kind,
        "retryable": retryable,
        "provider": None,
        "status_code": None,
        "retry_after_s": None,
        "chain_broken": False,
    }
    return Sample(name, {"text": text, "expected": expected, "accept": None, **more})


def rule(name: str, kind: Kind, retryable: bool, *phrases: str, **more: object) -> Rule:
    """A rule of words."""
    return Rule(id=name, kind=kind, retryable=retryable, because="-", phrases=phrases, **more)  # type: ignore[arg-type]


SMALL = RuleTable(
    [
        rule(
            "busy", Kind.OVERLOADED, True, "too hot", "melting", unless=Evidence(phrases=("oven",))
        ),
        rule("late", Kind.TIMEOUT, True, "too slow"),
        rule("slow", Kind.TIMEOUT, True, "snail", "snail mail"),
        rule("idle", Kind.AUTH, False, "never said"),
    ]
)
SAMPLES = [
    sample("a/hot", "it is too hot", "overloaded", True),
    sample("a/both", "melting, too hot, too slow", "overloaded", True),
    sample("a/slow", "a snail", "timeout", True),
    sample("a/wrong", "never said", "config", False),
]


@pytest.fixture(scope="module")
def covered() -> Coverage:
    return coverage(Corpus.load().values())


@pytest.fixture(scope="module")
def timed() -> tuple[Mutation, float]:
    started = time.monotonic()
    return mutate(Corpus.load().values()), time.monotonic() - started


@pytest.fixture(scope="module")
def mutated(timed: tuple[Mutation, float]) -> Mutation:
    return timed[0]


def test_coverage_names_the_samples_that_need_a_rule_and_a_phrase() -> None:
    """A sample with two phrases needs neither of them, but the rule; a wrong sample needs none."""
    found = coverage(SAMPLES, SMALL)
    assert found.rules == {"busy": ("a/hot", "a/both"), "late": (), "slow": ("a/slow",), "idle": ()}
    needed = {piece.value: ids for piece, ids in found.pieces.items()}
    assert needed == {
        "too hot": ("a/hot",),
        "melting": (),
        "oven": (),
        "too slow": (),
        "snail": ("a/slow",),
        "snail mail": (),
        "never said": (),
    }
    assert found.dead_rules() == ["late", "idle"]
    assert {name: piece.value for name, piece in found.fragile().items()} == {
        "a/hot": "too hot",
        "a/slow": "snail",
    }


def test_a_fragile_sample_turns_wrong_without_its_one_word(covered: Coverage) -> None:
    """What coverage says is what happens when the word is really gone."""
    corpus = Corpus.load()
    fragile = list(covered.fragile().items())
    assert len(fragile) > 50
    for name, piece in fragile[:: len(fragile) // 8]:
        less = Mutant("delete piece", piece.rule, piece).applied(RULES)
        assert check_sample(corpus[name]).ok
        assert not check_sample(corpus[name], less).ok


def test_coverage_of_one_rule_lists_its_pieces(covered: Coverage) -> None:
    """Only that rule's; an unknown one is a `KeyError`."""
    one = covered.of("overloaded-words")
    assert {piece.rule for piece in one.pieces} == {"overloaded-words"}
    assert ["phrases", "high demand"] in [row[:2] for row in one.piece_rows()]
    assert "<table" in one._repr_html_()
    with pytest.raises(KeyError):
        covered.of("no-such-rule")


def test_every_clause_of_the_contract_holds() -> None:
    """What is written down of statuses and of precedence is what the rules say."""
    wrong = [
        str(clause)
        for clause in contract()
        if (verdict := classify(clause.failure)).kind != clause.kind
        or verdict.retryable != clause.retryable
    ]
    assert wrong == []


def test_a_mutant_is_detected_equivalent_or_survives_with_a_reason() -> None:
    """Each mutant of a small table, and why the survivors survive."""
    found = {str(one.mutant): one for one in mutate(SAMPLES, SMALL).trials}
    assert found["delete rule: busy"].samples == ("a/hot", "a/both")
    assert found["swap with next: busy"].samples == ("a/both",)
    assert found["swap with next: late"].equivalent == "late and slow give the same answer"
    assert found["delete piece: slow: phrases 'snail mail'"].equivalent.startswith("'snail'")
    assert found["delete rule: idle"].reason == "no sample shows it"
    assert found["flip retryable: late"].reason == "no sample is decided by it"
    assert found["drop unless: busy"].reason.endswith("beside the evidence of its rule")
    melting = found["delete piece: busy: phrases 'melting'"]
    assert melting.survived
    assert (
        melting.reason == "wherever it shows, another piece of the row or an earlier rule decides"
    )


def test_every_operator_has_mutants_and_every_mutant_is_another_table() -> None:
    """Applied for real, each operator changes the rules."""
    seen: dict[str, Mutant] = {}
    for mutant in mutants(RULES):
        seen.setdefault(mutant.operator, mutant)
    assert set(seen) == set(OPERATORS)
    for mutant in seen.values():
        assert mutant.applied(RULES) != RULES, mutant


def spoiled(samples: Iterable[Sample], rules: RuleTable) -> tuple[str, ...]:
    """The samples that `rules` get wrong in what rules decide."""
    names = {"kind", "retryable", "chain_broken", "provider"}
    return tuple(
        one.id
        for one in samples
        if names & {difference.field for difference in check_sample(one, rules).differences}
    )


def test_the_quick_trial_agrees_with_tables_that_are_really_compiled(mutated: Mutation) -> None:
    """A drawn set of mutants of every operator flips the very samples that the trial named."""
    samples = [one for one in Corpus.load().values() if check_sample(one).ok]
    drawn = random.Random(5)
    for operator in OPERATORS:
        trials = [one for one in mutated.trials if one.mutant.operator == operator]
        by_samples = [one for one in trials if one.samples]
        for trial in [*drawn.sample(trials, 2), *drawn.sample(by_samples, min(2, len(by_samples)))]:
            table = trial.mutant.applied(RULES)
            assert spoiled(samples, table) == trial.samples, trial.mutant


def test_an_equivalent_mutant_changes_no_sample(mutated: Mutation) -> None:
    """Equivalents are told from survivors, and have a reason that is computed."""
    assert all(one.equivalent and not one.detected for one in mutated.equivalents)
    samples = [one for one in Corpus.load().values() if check_sample(one).ok]
    for trial in random.Random(6).sample(mutated.equivalents, 4):
        assert spoiled(samples, trial.mutant.applied(RULES)) == ()


def test_scores_of_samples_and_documents_are_apart_and_survivors_say_why(mutated: Mutation) -> None:
    """Samples are independent of the rules; documents are made from them."""
    assert mutated.score_by_samples >= 0.09, mutated
    assert mutated.score_by_samples_of_rows >= 0.7
    assert mutated.score_by_documents >= 0.89
    assert len(mutated.survivors) <= 0.025 * len(mutated.trials)
    assert mutated.summary().startswith(f"Samples detect {mutated.score_by_samples:.1%} of ")
    assert all(one.reason for one in mutated.survivors)
    assert [one for one in mutated.survivors if one.mutant.operator in (DELETE_RULE, FLIP)] == []


def test_facts_are_no_witness_against_another_decision(mutated: Mutation) -> None:
    """Where documents detect a flipped decision, it is a clause of the contract that speaks."""
    for trial in mutated.trials:
        if trial.mutant.operator == FLIP:
            assert all(name.startswith("contract/") for name in trial.documents), trial


def test_the_report_counts_what_it_lists(mutated: Mutation) -> None:
    """Detected, equivalent and survived add up; both detecting columns are within the detected."""
    for name, *counts, _, _ in mutated.rows():
        total, by_samples, by_documents, equivalent, survived = map(int, counts)
        detected = total - equivalent - survived
        assert max(by_samples, by_documents) <= detected <= by_samples + by_documents, name
    assert repr(mutated).count("\nsurvived: ") == len(mutated.survivors)
    assert "<details>" in mutated._repr_html_()


def test_a_deleted_documented_piece_is_detected_by_its_own_fact(mutated: Mutation) -> None:
    """The list of facts holds the row to it even when no sample shows the code."""
    trials = [one for one in mutated.trials if one.mutant.operator == DELETE_FACT]
    told = [one for one in trials if one.documents]
    assert len(told) > 1_500
    assert all(one.documents[0].startswith(("documented/", "contract/")) for one in told)
    own = [one for one in told if f"documented/{one.mutant.piece}" in one.documents]
    assert len(own) > 0.98 * len(told)


def test_dropping_what_forbids_a_rule_is_seen_where_a_page_says_overloaded(
    mutated: Mutation,
) -> None:
    """An edge's page with the word ``overloaded`` needs the ``unless`` of that row."""
    trial = next(
        one for one in mutated.trials if one.mutant == Mutant(DROP_UNLESS, "overloaded-words")
    )
    assert trial.detected
    assert any("edge" in name for name in trial.documents)


def test_swapping_rules_is_seen_where_both_hold(mutated: Mutation) -> None:
    """404 is client-status's too; the order decides."""
    trial = next(one for one in mutated.trials if one.mutant == Mutant(SWAP, "not-found"))
    assert trial.detected


def test_the_whole_run_is_fast(timed: tuple[Mutation, float]) -> None:
    """All mutants of the shipped rules on the shipped corpus, within a minute."""
    mutation, seconds = timed
    assert len(mutation.trials) > 2_000
    assert seconds < 60


def test_the_commands_print_both_reports(capsys: pytest.CaptureFixture[str]) -> None:
    """``corpus coverage``, with and without a rule, and ``corpus mutate``."""
    assert main(["corpus", "coverage"]) == 0
    said = capsys.readouterr().out
    assert "fragile: " in said
    assert said.rstrip().endswith("rest on one word")
    assert main(["corpus", "coverage", "stream-cut"]) == 0
    assert "stream-cut: 1 samples need the rule" in capsys.readouterr().out
    assert main(["corpus", "coverage", "stream-cutt"]) == 2
    assert "did you mean 'stream-cut'?" in capsys.readouterr().err
    assert main(["corpus", "mutate"]) == 0
    assert "Samples detect" in capsys.readouterr().out
