"""The modules of chatlab and who imports whom, read from the source without running it."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "chatlab"
FILES = {
    ".".join(
        file.relative_to(PACKAGE.parent)
        .with_suffix("")
        .parts[: -1 if file.stem == "__init__" else None]
    ): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if "__pycache__" not in file.parts
}
"""The file of each module by its dotted name."""


@cache
def imported(name: str) -> frozenset[str]:
    """What a module imports anywhere: in functions and for type checkers too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively in line {node.lineno}"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in FILES else str(node.module))
    return frozenset(found)


def third_party(name: str) -> set[str]:
    """What a module imports that is neither the standard library's nor chatlab's."""
    roots = {one.split(".")[0] for one in imported(name)}
    return roots - sys.stdlib_module_names - {"chatlab"}


def circles() -> list[list[str]]:
    """The groups of modules that import each other, directly or not, by Tarjan's algorithm."""
    return strongly_connected({name: imported(name) & FILES.keys() for name in FILES})


def strongly_connected(graph: dict[str, frozenset[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node, and the nodes that reach themselves directly."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            start = stack.index(node)
            component = sorted(stack[start:])
            del stack[start:]
            if len(component) > 1 or node in graph[node]:
                found.append(component)

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return found
