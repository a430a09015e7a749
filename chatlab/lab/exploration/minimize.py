"""Minimize a run that breaks an invariant: no step of it can be left out or made plainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from chatlab.lab.exploration.invariants import Operations, Several, Violation

Run = list[tuple[str, Mapping[str, object]]]
"""Steps: the name of a simulation's method, and its options."""


class Repeats(Protocol):
    """What runs are repeated with. done: the steps of the last run, up to the violation."""

    done: Run

    @property
    def simulation(self) -> Simulated:
        """The simulation of the last run."""

    def repeat(self, run: Run) -> Violation | None:
        """Run these steps in a new simulation."""


class Simulated(Protocol):
    """A simulation, as far as its options are concerned."""

    @property
    def operations(self) -> Operations:
        """What can happen in it."""


def minimal_run(runs: Repeats, violation: Violation) -> Violation:
    """Repeat the minimal run that violates the same invariant; return its violation."""
    operations = runs.simulation.operations
    found, best = violation, runs.done
    shrinks = True
    while shrinks:
        shrinks = False
        for simpler in _simpler(best, operations):
            other = runs.repeat(simpler)
            if other is not None and other.name == violation.name:
                found, best, shrinks = other, runs.done, True
                break
    runs.repeat(best)
    return found


def _simpler(run: Run, operations: Operations) -> Iterator[Run]:
    for at, (name, options) in reversed(list(enumerate(run))):
        before, after = run[:at], run[at + 1 :]
        yield before + after
        if (nested := options.get("meanwhile")) is not None:
            yield [*before, (name, {"plans": nested}), *after]
        for key, value in options.items():
            for plainer in _plainer(value, operations[name][1][key]):
                yield [*before, (name, {**options, key: plainer}), *after]


def _plainer(value: object, values: tuple[object, ...] | Several) -> Iterator[object]:
    """Yield plainer values: the first of those that can be chosen; a list without one item."""
    if isinstance(values, tuple):
        if value != values[0]:
            yield values[0]
    elif isinstance(value, tuple):
        yield from (value[:cut] + value[cut + 1 :] for cut in range(len(value)))
