"""Chained turns explored: many short lives of a chat, each invariant checked after each request.

Hypothesis chooses what happens: answers, failures, lost responses, another model, a turn that is
left, two turns at once. What breaks an invariant is cut down to the shortest life that does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

import openai
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from chatlab.chat import ChainedTurn
from chatlab.lab.exploration.chat_model import INVARIANTS, MODELS, PLANS, Act, Violation, World
from chatlab.lab.faults.script import Script
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.provider.server import FakeProvider
from chatlab.text.markup import BOXED, table, tag

SHORTEST: Final = 2
LONGEST: Final = 12
"""Steps of a life: each round's are one longer, so that a short fault shows in a short life."""

LIVES_A_ROUND: Final = 40


Step = tuple[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, repr=False)
class Explored:
    """What an exploration found. steps: how many things happened. requests: that the provider got;
    chained: those that continued a response; lost: those refused because the response was lost.

    violated: the name of the broken invariant in `INVARIANTS`; None: none was. found: what was
    seen. trace: the shortest life that shows it, act by act.
    """

    policy: str
    steps: int
    requests: int
    chained: int
    lost: int
    violated: str | None = None
    found: str = ""
    trace: tuple[Act, ...] = ()

    def __repr__(self) -> str:
        lines = [self._said, *(f"  {act.actor:>8}: {act.what}" for act in self.trace)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[act.actor, act.what] for act in self.trace]
        shown = [table(["who", "does what"], rows)] if rows else []
        return tag("div", tag("div", self._said), *shown, style=BOXED)

    @property
    def _said(self) -> str:
        after = (
            f"{self.policy}, {self.steps:,} steps, {self.requests:,} requests, {self.chained:,} "
            f"chained, {self.lost:,} after a lost response"
        )
        if self.violated is None:
            return f"{after}: every invariant holds"
        return f"{after}: broken is {self.violated!r} ({INVARIANTS[self.violated]}); {self.found}"


def explore(
    policy: type[ChainedTurn] = ChainedTurn,
    *,
    steps: int = 1_000,
    first_seed: int = 0,
    not_found: int = 400,
) -> Explored:
    """Let a chat live under `policy` until `steps` things have happened, or an invariant breaks.

    The same arguments give the same lives. not_found: as of `ResponseMemory`. One step takes about
    10 ms: it is a turn over HTTP, or something that happens to the provider.
    """
    memory = ResponseMemory(not_found=not_found)
    with (
        FakeProvider(Script(after="success"), memory=memory) as provider,
        openai.OpenAI(base_url=provider.openai_base_url, api_key="none", max_retries=0) as client,
    ):
        lives = _Lives(provider, memory, client, policy)
        broken: Violation | None = None
        rounds = count()
        with _quiet():
            try:
                while lives.steps < steps:
                    number = next(rounds)
                    _explore(lives, first_seed + number, min(SHORTEST + number, LONGEST))
            except Violation as violation:
                broken = _shortest(lives, violation)
    chained = [one for one in memory.exchanges if one.previous_response_id]
    lost = sum(one.refused is not None for one in chained)
    counts = lives.steps, len(memory.exchanges), len(chained) - lost, lost
    if broken is None:
        return Explored(policy.__name__, *counts)
    trace = tuple(lives.world.trace)
    return Explored(policy.__name__, *counts, broken.name, broken.found, trace)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of turns whose history cannot be reloaded: here that is on purpose."""
    logger = logging.getLogger("chatlab.chat")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Lives:
    """Lives lived one after the other. done: what has happened in the one that is lived now."""

    def __init__(
        self,
        provider: FakeProvider,
        memory: ResponseMemory,
        client: openai.OpenAI,
        policy: type[ChainedTurn],
    ) -> None:
        self.steps = 0
        self.done: list[Step] = []
        self._parts = provider, memory, client, policy
        self.world = World(*self._parts)

    def begin(self) -> None:
        """A new life, with nothing said and nothing stored."""
        self.world.close()
        self.world = World(*self._parts)
        self.done = []

    def do(self, name: str, **what: object) -> None:
        """One more step: the method `name` of the world."""
        self.steps += 1
        self.done.append((name, what))
        getattr(self.world, name)(**what)

    def again(self, done: list[Step]) -> Violation | None:
        """A new life with these steps; what it violates, if anything."""
        self.begin()
        try:
            for name, what in done:
                self.do(name, **what)
        except Violation as violation:
            return violation
        return None


def _explore(lives: _Lives, number: int, length: int) -> None:
    class Life(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            lives.begin()

        @rule(
            plans=st.lists(st.sampled_from(PLANS), max_size=3),
            model=st.sampled_from((*MODELS[:1] * 3, *MODELS)),
            store=st.sampled_from((True, True, True, False)),
            plan_mode=st.sampled_from((False, False, False, True)),
            reload_fails=st.sampled_from((False, False, True)),
            lost_in_tool=st.sampled_from((False, False, True)),
            leave=st.sampled_from((False, False, False, True)),
            meanwhile=st.sampled_from((None, None, None, *([plan] for plan in PLANS))),
        )
        def ask(self, **what: object) -> None:
            lives.do("ask", **what)

        @rule(plans=st.lists(st.sampled_from(PLANS), max_size=2))
        def lose_everything_and_ask(self, plans: list[str]) -> None:
            lives.do("forget", which=None)
            lives.do("ask", plans=plans)

        @rule(which=st.sampled_from((None, *range(6))))
        def forget(self, which: int | None) -> None:
            lives.do("forget", which=which)

        @rule(nothing=st.sampled_from((False, False, True)))
        def retain(self, nothing: bool) -> None:
            lives.do("retain", nothing=nothing)

    run_state_machine_as_test(
        seed(number)(Life),
        settings=settings(
            max_examples=LIVES_A_ROUND,
            stateful_step_count=length,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def _shortest(lives: _Lives, violation: Violation) -> Violation:
    """Live the shortest life that violates the same invariant: no step of it can be spared.

    Hypothesis' own shrinking works on its choices, and ends in lives that are longer.
    """
    found, best = violation, lives.done
    shorter = True
    while shorter:
        shorter = False
        for simpler in _simpler(best):
            other = lives.again(simpler)
            if other is not None and other.name == violation.name:
                found, best, shorter = other, lives.done, True
                break
    lives.again(best)
    return found


def _simpler(done: list[Step]) -> Iterator[list[Step]]:
    for at, (name, what) in reversed(list(enumerate(done))):
        before, after = done[:at], done[at + 1 :]
        yield before + after
        if (alone := what.get("meanwhile")) is not None:
            yield [*before, (name, {"plans": alone}), *after]
        for key, value in what.items():
            plainer: list[object] = [_PLAIN[key]] if key in _PLAIN else []
            if isinstance(value, list):
                plainer += [value[:cut] + value[cut + 1 :] for cut in range(len(value))]
            for one in plainer:
                if one != value:
                    yield [*before, (name, {**what, key: one}), *after]


_PLAIN: Final[Mapping[str, object]] = {
    "model": MODELS[0],
    "store": True,
    "plan_mode": False,
    "reload_fails": False,
    "lost_in_tool": False,
    "leave": False,
    "meanwhile": None,
    "which": None,
}
"""The plainest value of what a step has; a list is plainer the shorter it is."""
