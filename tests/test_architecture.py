"""The architecture: one direction of imports, no circles, a light start, small modules and folders."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.imports import FILES, PACKAGE, circles, imported, strongly_connected, third_party
from support.packaging import distributions

ROOT = Path(__file__).parents[1]
LOWEST_FIRST = (
    "exceptions",
    "text",
    "errors",
    "retry",
    "corpus",
    "chat",
    "lab",
    "views",
    "jupyter",
    "cli",
)
BESIDE = {"pytest_plugin", "__main__"}
HEAVY = (
    "pandas",
    "matplotlib",
    "openai",
    "anthropic",
    "ipywidgets",
    "pydantic",
    "jupyter",
    "IPython",
)
READS_THE_VERSION = ("chatlab.cli.entry_point", "chatlab")
NOT_IN_THE_WHEEL = PACKAGE / "lab" / "capture"
LONGEST = 320
MOST_MODULES = 12


def room_of(module: str) -> str:
    """``chatlab.errors.failure`` is in the room ``errors``."""
    return module.split(".")[1] if "." in module else ""


def test_every_room_has_its_place_in_the_order() -> None:
    """A new room or module beside the rooms is decided on here."""
    assert {room_of(name) for name in FILES} == {"", *LOWEST_FIRST, *BESIDE}


@pytest.mark.parametrize("room", LOWEST_FIRST)
def test_rooms_import_downwards_only(room: str) -> None:
    """A room imports from itself and from rooms below it; lazy and typing imports count."""
    allowed = LOWEST_FIRST[: LOWEST_FIRST.index(room) + 1]
    wrong = [
        f"{name} imports {other}"
        for name in FILES
        if room_of(name) == room
        for other in sorted(imported(name) & FILES.keys())
        if room_of(other) not in allowed and (name, other) != READS_THE_VERSION
    ]
    assert wrong == []


def test_modules_do_not_import_each_other_in_circles() -> None:
    """Neither directly nor by way of others; lazy and typing imports count."""
    assert [sorted(circle) for circle in circles()] == []


def test_a_circle_is_found() -> None:
    """The walk sees a long circle and a module that imports itself, and nothing else."""
    graph = {"a": "bd", "b": "c", "c": "a", "d": "e", "e": "", "f": "f"}
    found = strongly_connected({name: frozenset(others) for name, others in graph.items()})
    assert found == [["a", "b", "c"], ["f"]]


def test_no_module_has_the_name_of_what_its_package_exports() -> None:
    """Else the import of the module replaces the function, or the function hides the module."""
    wrong = []
    for name, file in FILES.items():
        if file.stem != "__init__" or file.is_relative_to(NOT_IN_THE_WHEEL):
            continue
        modules = {
            other.removeprefix(f"{name}.") for other in FILES if other.startswith(f"{name}.")
        }
        wrong += [f"{name}.{one}" for one in sorted(exported(file) & modules)]
    assert wrong == []


def exported(file: Path) -> set[str]:
    """The names in a file's ``__all__``."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_a_folder_holds_at_most_a_dozen_modules() -> None:
    """The recipes of `lab.capture`, which are not in the wheel, are the exception."""
    counts = Counter(file.parent for file in FILES.values() if file.stem != "__init__")
    crowded = {str(folder): count for folder, count in counts.items() if count > MOST_MODULES}
    assert crowded.keys() <= {str(NOT_IN_THE_WHEEL)}


@pytest.mark.parametrize("room", ["exceptions", "text", "errors", "retry"])
def test_the_core_uses_the_standard_library(room: str) -> None:
    """A faster matcher and tenacity are used by one module each, where they are installed."""
    optional = {
        "chatlab.text.matcher": {"ahocorasick_rs"},
        "chatlab.retry.strategies": {"tenacity"},
    }
    for name in FILES:
        if room_of(name) == room:
            assert third_party(name) <= optional.get(name, set()), name


def test_importing_chatlab_loads_nothing_heavy() -> None:
    """Neither the import nor a first verdict loads a data, plotting, SDK or notebook library."""
    program = (
        "import sys, json, chatlab\n"
        "chatlab.classify('status code: 429')\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert not set(HEAVY) & set(json.loads(answer.stdout))


def test_modules_stay_small() -> None:
    """At 300 lines a module is split by question; a few lines more wait for the next change."""
    lines = {
        name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in FILES.items()
    }
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


def test_no_vague_rooms() -> None:
    """No module is called utils, helpers, common, base or manager."""
    vague = {"utils", "helpers", "common", "base", "manager"}
    assert [name for name in FILES if vague & set(name.split("."))] == []


def test_near_names_and_colours_have_one_home() -> None:
    """`text.spelling` compares names, `text.palette` holds the colours."""
    copies = {
        name
        for name, file in FILES.items()
        if re.search(r"get_close_matches|[\"':]#[0-9a-fA-F]{6}\b", file.read_text(encoding="utf-8"))
        and not file.is_relative_to(NOT_IN_THE_WHEEL)
    }
    assert copies == {"chatlab.text.spelling", "chatlab.text.palette"}


@pytest.mark.parametrize(
    "notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name
)
def test_notebooks_are_committed_executed(notebook: Path) -> None:
    """Counts run from 1 to n, or nbval would not compare a thing; no widget state, no timing."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = content["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert "widgets" not in content["metadata"]
    assert not [cell for cell in cells if "execution" in cell["metadata"]]
    assert 15 <= len(cells) <= 30
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert max(source.count("\n") + 1 for source in code) <= 12


def test_the_laboratory_has_all_that_its_notebooks_import() -> None:
    """The extra ``lab`` names every library that a notebook needs, not only ``test``."""
    names = {"IPython": "jupyterlab"}
    lab = distributions("lab")
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        lines = [line for source in code for line in source.splitlines()]
        roots = {
            found[1]
            for line in lines
            if (found := re.match(r"(?:from|import) (\w+)", line))
            and found[1] not in sys.stdlib_module_names
        }
        assert {names.get(root, root) for root in roots} <= {*lab, "chatlab"}, notebook.name
