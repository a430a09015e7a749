"""Inside the lab imports run one way only, lazy and typing imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import chatlab

PACKAGE: Final = Path(chatlab.__file__).parent
ORDER: Final = (
    *("protocols", "faults", "memory", "provider", "cassettes", "replaying", "exploration"),
    *("xray", "ledger", "capture"),
)
"""The folders of the lab, the lowest first."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package with its name."""
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        yield name, ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Every name that a module imports, wherever the import is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def folder(module: str) -> int | None:
    """The place of a module's folder in the order; None outside of the folders of the lab."""
    parts = module.split(".")
    inside = parts[:2] == ["chatlab", "lab"] and len(parts) > 3
    return ORDER.index(parts[2]) if inside else None


IMPORTS: Final = {name: set(imported(tree)) for name, tree in modules()}


def test_no_folder_imports_from_a_later_one() -> None:
    """The order is also that of reading."""
    wrong = [
        (name, target)
        for name, targets in IMPORTS.items()
        for target in targets & IMPORTS.keys()
        if (own := folder(name)) is not None and (of := folder(target)) is not None and of > own
    ]
    assert wrong == []


def test_there_are_no_circles() -> None:
    """Between modules of the lab; a package's own imports from below it do not count."""
    graph = {
        name: {one for one in targets & IMPORTS.keys() if not f"{name}.".startswith(f"{one}.")}
        for name, targets in IMPORTS.items()
        if name.startswith("chatlab.lab.")
    }
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


def test_nothing_imports_the_capture_recipes() -> None:
    """They are not in the wheel."""
    users = [
        name
        for name, targets in IMPORTS.items()
        if not name.startswith("chatlab.lab.capture")
        and any(target.startswith("chatlab.lab.capture") for target in targets)
    ]
    assert users == []


def test_no_folder_has_more_than_a_dozen_modules() -> None:
    """Beside its `__init__`; else it is split by subject."""
    folders = [PACKAGE / "lab", *(one for one in (PACKAGE / "lab").rglob("*") if one.is_dir())]
    assert all(len(list(one.glob("[!_]*.py"))) <= 12 for one in folders)
