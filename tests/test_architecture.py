"""What the house promises: one direction of imports, a light start, small modules, clean words."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chatlab"
LOWEST_FIRST = ("errors", "retry", "corpus", "chat", "lab", "views")
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
MODULES = sorted(file for file in PACKAGE.rglob("*.py") if "__pycache__" not in file.parts)


def imported(file: Path) -> set[str]:
    """The modules that a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_rooms_import_downwards_only(file: Path) -> None:
    """A room imports from itself, from rooms below it, and from `text`; `errors` from no room."""
    room = file.relative_to(PACKAGE).parts[0]
    allowed = (
        {*LOWEST_FIRST[: LOWEST_FIRST.index(room) + 1], "text"} if room in LOWEST_FIRST else None
    )
    for name in imported(file):
        parts = name.split(".")
        if parts[0] != "chatlab" or len(parts) == 1 or allowed is None:
            continue
        assert parts[1] in allowed, f"{file.name} of {room} imports {name}"


def test_text_imports_no_room() -> None:
    """The bottom of the house."""
    for file in (PACKAGE / "text").glob("*.py"):
        ours = {name for name in imported(file) if name.startswith("chatlab")}
        assert not [name for name in ours if not name.startswith("chatlab.text")]


@pytest.mark.parametrize("room", ["errors", "retry"])
def test_the_core_uses_the_standard_library_and_one_matcher(room: str) -> None:
    """What a service installs is small; tenacity is only met by those who have it."""
    optional = {"ahocorasick_rs", "chatlab", "tenacity"}
    for file in (PACKAGE / room).rglob("*.py"):
        foreign = {name.split(".")[0] for name in imported(file)} - set(sys.stdlib_module_names)
        assert foreign <= optional, file


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
    """At 300 lines a module is split by question."""
    long = {
        str(file.relative_to(ROOT)): lines
        for file in MODULES
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 320
    }
    assert long == {}


def test_no_vague_rooms() -> None:
    """No module is called utils, helpers, common, base or manager."""
    vague = {"utils", "helpers", "common", "base", "manager"}
    assert not [file for file in MODULES if vague & {file.stem, *file.parts}]


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
    names = {"IPython": "jupyterlab", "ipywidgets": "ipywidgets"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lab = {re.split(r"[>=\[]", line)[0] for line in project["optional-dependencies"]["lab"]}
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
