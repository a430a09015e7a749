"""Exploring chained turns and resolvers: chatlab's hold, and each fault is found."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import openai
import pytest
from support.resolver_mutants import MUTANTS, Mutant, resolver

from chatlab import resolve_chain
from chatlab.chat import ChainedTurn, ToolCallPart
from chatlab.chat.chain.steps import Steps
from chatlab.errors import Verdict
from chatlab.lab import (
    INVARIANTS,
    Exploration,
    FakeProvider,
    ResponseMemory,
    Script,
    TraceLine,
    explore,
)
from chatlab.lab.exploration.chat_simulation import ChatSimulation
from chatlab.lab.exploration.faulty_policies import KeepsFailedId, RetriesTrimmed
from chatlab.lab.exploration.invariants import MODELS
from chatlab.views.figures.chain import trace_chart

pytestmark = pytest.mark.slow

Option: TypeAlias = Any
"""Whatever a turn takes."""


@pytest.mark.parametrize("not_found", [400, 404])
def test_chatlab_holds_every_invariant(not_found: int) -> None:
    """Chains are continued and lost on the way, or there would be nothing to hold."""
    explored = explore(steps=500, not_found=not_found)
    assert explored.violated is None, explored
    assert explored.steps >= 500
    assert explored.chained > 20
    assert explored.lost > 5


class _HealsNever(Steps):
    def judge(self, verdict: Verdict) -> Verdict:
        """Without a look at what is lost."""
        return verdict


class HealsNever(ChainedTurn):
    """Asks again for the response that the provider has lost."""

    steps = _HealsNever


class _ForgetsCalls(Steps):
    def request(self) -> Mapping[str, object]:
        """The results alone, also without the response that they belong to."""
        arguments = super().request()
        if self.made and self.lost is not None:
            last = {"input": list(arguments["input"])[-1:]}  # type: ignore[call-overload]
            return {**arguments, **last}
        return arguments


class ForgetsCalls(ChainedTurn):
    """Sends the results of its tools without the calls, once it has left the chain."""

    steps = _ForgetsCalls


class RunsTwice(ChainedTurn):
    """Runs each call, and runs it again."""

    def __init__(self, *given: Option, run_tool: Option, **options: Option) -> None:
        def twice(call: ToolCallPart) -> Option:
            run_tool(call)
            return run_tool(call)

        super().__init__(*given, run_tool=twice, **options)


@pytest.mark.parametrize(
    ("policy", "invariant"),
    [
        (KeepsFailedId, "completed-anchor"),
        (RetriesTrimmed, "whole-context"),
        (ForgetsCalls, "valid-input"),
        (HealsNever, "healed-once"),
        (RunsTwice, "one-execution"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_invariant_catches_a_policy(policy: type[ChainedTurn], invariant: str) -> None:
    """With a trace that ends where it is broken."""
    explored = explore(policy, steps=20_000)
    assert explored.violated == invariant, explored
    assert explored.trace
    assert explored.found in repr(explored)
    assert INVARIANTS[invariant] in explored._repr_html_()
    chart = trace_chart(explored)
    assert chart.sentence.startswith(f"{policy.__name__} breaks {invariant!r}")
    assert chart.png().startswith(b"\x89PNG")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_each_mutant_of_the_resolver_is_found(mutant: Mutant) -> None:
    """Each with a short trace that ends where the invariant is broken."""
    explored = explore(resolver(mutant), steps=20_000)
    assert explored.violated is not None, explored
    assert explored.policy == mutant.__name__
    assert 3 <= len(explored.trace) <= 12, explored


def test_there_are_many_mutants_of_the_resolver() -> None:
    """Twenty at least, each of its own kind."""
    assert len({mutant.__name__ for mutant in MUTANTS}) == len(MUTANTS) >= 20


def test_every_invariant_is_broken_by_a_policy_or_a_mutant() -> None:
    """An invariant that nothing can break says nothing."""
    marks = test_each_invariant_catches_a_policy.pytestmark  # type: ignore[attr-defined]
    by_policies = {invariant for _, invariant in marks[0].args[1]}
    by_mutants = {explore(resolver(mutant), steps=20_000).violated for mutant in MUTANTS}
    assert by_policies | by_mutants == set(INVARIANTS)


def test_chatlabs_resolver_holds_every_invariant() -> None:
    """In stored histories with crashes, other models, system messages and unreadable records."""
    explored = explore(resolve_chain, steps=10_000)
    assert explored.violated is None, explored
    assert explored.chained > 500


def test_a_partial_can_be_explored() -> None:
    """A resolver need not be a function with a name."""
    explored = explore(partial(resolve_chain), steps=100)
    assert explored.violated is None
    assert "resolve_chain" in explored.policy


def test_the_same_seed_gives_the_same_exploration() -> None:
    """And another seed another one."""
    found = resolver(MUTANTS[0])
    assert explore(found, steps=500) == explore(found, steps=500)
    assert explore(resolve_chain, steps=500) != explore(resolve_chain, steps=500, first_seed=1)


def test_the_chained_turns_meet_crashes_and_system_messages() -> None:
    """The end-to-end simulation reaches the states that its checks are for."""
    reached: set[str] = set()
    with FakeProvider(Script(after="success"), memory=(memory := ResponseMemory())) as provider:
        client = openai.OpenAI(base_url=provider.openai_base_url, api_key="none", max_retries=0)
        with client, closing(ChatSimulation(provider, memory, client, ChainedTurn)) as chat:
            chat.instruct()
            for crash in ("calls", "one result", "results"):
                chat.ask(["two tools"], crash=crash)
                chat.ask([], chain=crash != "calls", model=MODELS[1])
            reached = {line.what for line in chat.trace}
    assert {f"crashes with {count} results stored" for count in (0, 1, 2)} <= reached
    assert "adds the system message word1" in reached


@pytest.mark.parametrize("first_seed", [1, 7])
def test_the_trace_of_a_known_fault_is_the_shortest(first_seed: int) -> None:
    """Wherever the search begins: two questions, and the id of what was cut in between."""
    explored = explore(KeepsFailedId, steps=20_000, first_seed=first_seed)
    *_, died, said, chained, _ = explored.trace
    assert len(explored.trace) == 6
    assert died.what.startswith("response 1 is ")
    assert died.what != "response 1 is completed"
    assert said.actor == "person"
    assert chained.what.endswith(", after response 1")


def test_hostile_words_of_a_trace_are_escaped() -> None:
    """A trace holds what a provider said."""
    trace = (TraceLine("provider", "<script>alert(1)</script>", "client"),)
    explored = Exploration("X", 1, 1, 0, 0, "valid-input", "<img src=x>", trace)
    assert "<script" not in explored._repr_html_()
    assert "<img" not in explored._repr_html_()


def test_there_is_no_chart_without_a_violation() -> None:
    """The error shows what was explored."""
    with pytest.raises(ValueError, match="every invariant holds; there is no trace to draw"):
        trace_chart(replace(Exploration("X", 1, 1, 0, 0)))
