"""The examples in the docstrings of `chatlab.corpus` give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import chatlab.corpus

MODULES = [one.name for one in pkgutil.walk_packages(chatlab.corpus.__path__, "chatlab.corpus.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    """Each ``>>>`` line of the module."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    """The check above looks at something."""
    found = doctest.DocTestFinder()
    counts = [
        len(one.examples) for name in MODULES for one in found.find(importlib.import_module(name))
    ]
    assert sum(counts) >= 15
