"""Generated chats under one policy or resolver, each invariant checked at each request.

A seeded generator chooses what happens: answers, failures, lost responses, another model, system
messages, crashes, two turns at once. A run that breaks an invariant is then minimized.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import openai

from chatlab.chat import ChainedTurn
from chatlab.lab.exploration.chat_simulation import ChatSimulation
from chatlab.lab.exploration.invariants import INVARIANTS, Counts, Several, TraceLine, Violation
from chatlab.lab.exploration.minimize import Run, minimal_run
from chatlab.lab.exploration.resolver_simulation import Resolver, ResolverSimulation
from chatlab.lab.faults.script import Script
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.provider.server import FakeProvider
from chatlab.text.markup import BOXED, table, tag

SHORTEST: Final = 2
LONGEST: Final = 12
"""Steps of a run: each round's runs are one longer, so that short runs are tried first."""

RUNS_A_ROUND: Final = 40


@dataclass(frozen=True, slots=True, repr=False)
class Exploration:
    """What `explore` found.

    Parameters
    ----------
    policy : str
        The name of the policy or resolver.
    steps : int
        How many things happened.
    requests, chained, lost : int
        Requests that the provider got, those that continued a response, and those that it refused
        because it had lost the response.
    violated : str or None
        The broken invariant, a key of `INVARIANTS`; None if all hold.
    found : str
        What was seen.
    trace : tuple of TraceLine
        A minimal run that breaks it, line by line.
    """

    policy: str
    steps: int
    requests: int
    chained: int
    lost: int
    violated: str | None = None
    found: str = ""
    trace: tuple[TraceLine, ...] = ()

    def __repr__(self) -> str:
        lines = [self._summary, *(f"  {line.actor:>8}: {line.what}" for line in self.trace)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[line.actor, line.what] for line in self.trace]
        shown = [table(["who", "does what"], rows)] if rows else []
        return tag("div", tag("div", self._summary), *shown, style=BOXED)

    @property
    def _summary(self) -> str:
        after = (
            f"{self.policy}, {self.steps:,} steps, {self.requests:,} requests, {self.chained:,} "
            f"chained, {self.lost:,} after a lost response"
        )
        if self.violated is None:
            return f"{after}: every invariant holds"
        return f"{after}: broken is {self.violated!r} ({INVARIANTS[self.violated]}); {self.found}"


def explore(
    policy: type[ChainedTurn] | Resolver = ChainedTurn,
    *,
    steps: int = 1_000,
    first_seed: int = 0,
    not_found: int = 400,
) -> Exploration:
    """Simulate chats under `policy` until `steps` things have happened, or an invariant breaks.

    The same arguments give the same chats.

    >>> from chatlab import resolve_chain
    >>> explore(resolve_chain, steps=200).violated is None
    True

    Parameters
    ----------
    policy : type or function
        A `ChainedTurn` or a class like it runs complete turns over HTTP, about 10 ms a step. A
        function with the signature of `resolve_chain` only decides on requests, which are then
        checked in memory, about 1 ms a step.
    steps : int
        How many things happen: questions, or events at the provider.
    first_seed : int
        Where the generator begins.
    not_found : int
        The status for a lost response, 400 or 404, as in `ResponseMemory`.

    Returns
    -------
    Exploration
        The counts, and the minimal trace of the first violation.

    Raises
    ------
    ValueError
        For another `not_found`.
    """
    with ExitStack() as stack:
        begin = _simulations(policy, not_found, stack)
        runs = _Runs(begin)
        violation: Violation | None = None
        number = 0
        with _quiet():
            while runs.steps < steps and violation is None:
                generator = random.Random(f"{first_seed}/{number}")
                violation = runs.random_run(generator, _length(number))
                number += 1
            if violation is not None:
                violation = minimal_run(runs, violation)
        trace = tuple(runs.simulation.trace)
        runs.simulation.close()
    name = getattr(policy, "__name__", repr(policy))
    counts = runs.steps, runs.counts.requests, runs.counts.chained, runs.counts.lost
    if violation is None:
        return Exploration(name, *counts)
    return Exploration(name, *counts, violation.name, violation.found, trace)


def _length(number: int) -> int:
    return min(SHORTEST + number // RUNS_A_ROUND, LONGEST)


Simulation = ChatSimulation | ResolverSimulation


def _simulations(
    policy: type[ChainedTurn] | Resolver, not_found: int, stack: ExitStack
) -> Callable[[], Simulation]:
    """Return what begins a new simulation under `policy`."""
    if not isinstance(policy, type):
        resolver = policy
        return lambda: ResolverSimulation(resolver)
    turns = policy
    memory = ResponseMemory(not_found=not_found)
    provider = stack.enter_context(FakeProvider(Script(after="success"), memory=memory))
    client = stack.enter_context(
        openai.OpenAI(base_url=provider.openai_base_url, api_key="none", max_retries=0)
    )
    return lambda: ChatSimulation(provider, memory, client, turns)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings of turns whose history cannot be reloaded: here they are expected."""
    logger = logging.getLogger("chatlab.chat")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Runs:
    """Runs, one after the other. done: the steps of the current one."""

    def __init__(self, begin: Callable[[], Simulation]) -> None:
        self.steps = 0
        self.counts = Counts()
        self.done: Run = []
        self._begin = begin
        self.simulation = begin()

    def repeat(self, run: Run) -> Violation | None:
        """Begin again with these steps; return what they violate, if anything."""
        self._renew()
        for name, options in run:
            self.steps += 1
            self.done.append((name, options))
            try:
                getattr(self.simulation, name)(**options)
            except Violation as violation:
                return violation
            finally:
                self._count()
        return None

    def random_run(self, generator: random.Random, length: int) -> Violation | None:
        """Make a run of up to `length` random steps; return what it violates, if anything."""
        operations = self.simulation.operations
        weights = [weight for weight, _ in operations.values()]
        run: Run = []
        for name in generator.choices(list(operations), weights, k=generator.randint(1, length)):
            options = operations[name][1]
            run.append((name, {key: _pick(generator, of) for key, of in options.items()}))
        return self.repeat(run)

    def _renew(self) -> None:
        self.simulation.close()
        self.simulation = self._begin()
        self.done = []

    def _count(self) -> None:
        counts, self.simulation.counts = self.simulation.counts, Counts()
        self.counts.requests += counts.requests
        self.counts.chained += counts.chained
        self.counts.lost += counts.lost


def _pick(generator: random.Random, values: tuple[object, ...] | Several) -> object:
    if isinstance(values, Several):
        return tuple(generator.choices(values.of, k=generator.randint(0, values.most)))
    return generator.choice(values)
