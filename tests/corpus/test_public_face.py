"""What `chatlab.corpus` shows, where its samples are, and in which direction it imports."""

from __future__ import annotations

import ast
import inspect
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import chatlab.corpus
from chatlab.corpus import Corpus, Proposal
from chatlab.corpus.library import id_of

ROOM = Path(chatlab.corpus.__file__).parent
ORDER = (
    *("record_schema", "sample", "sample_files", "atomic_files", "sanitizer", "checking"),
    *("record", "library", "comparison", "revision", "mutation", "novelty", "adding"),
    "collection",
)


def modules() -> dict[str, Path]:
    """The modules of the room, by dotted name, without the packages' own files."""
    found = [file for file in ROOM.rglob("*.py") if file.name != "__init__.py"]
    return {".".join(file.relative_to(ROOM).with_suffix("").parts): file for file in found}


def imports(file: Path) -> set[str]:
    """The modules of this room that a file imports anywhere, also for types only."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chatlab.corpus."):
            found.add((node.module or "").removeprefix("chatlab.corpus."))
    return found


def test_no_module_of_the_room_is_in_a_circle() -> None:
    """Lazy imports and those for types count as well."""
    graph = {name: imports(file) & modules().keys() for name, file in modules().items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


@pytest.mark.parametrize("name", sorted(modules()))
def test_folders_import_in_one_direction(name: str) -> None:
    """Only from those before it."""
    mine = ORDER.index(name.split(".")[0])
    above = [other for other in imports(modules()[name]) if ORDER.index(other.split(".")[0]) > mine]
    assert above == []


def test_completion_shows_the_public_names_only() -> None:
    """And each of them is there; no module hides behind one."""
    assert sorted(dir(chatlab.corpus)) == sorted(chatlab.corpus.__all__)
    names = {part for name in modules() for part in name.split(".")}
    assert names & set(chatlab.corpus.__all__) == set()
    assert not any(inspect.ismodule(getattr(chatlab.corpus, n)) for n in chatlab.corpus.__all__)


@pytest.mark.parametrize("method", [Corpus.propose, Proposal.changed, Proposal.write])
def test_the_fields_that_a_person_decides_are_typed(method: object) -> None:
    """Each keyword is one of a TypedDict, which an editor completes."""
    assert callable(method)
    (rest,) = [
        one for one in inspect.signature(method).parameters.values() if one.kind is one.VAR_KEYWORD
    ]
    assert str(rest.annotation) in ("Unpack[Label]", "Unpack[Decision]")


def test_no_folder_holds_more_than_a_dozen_modules() -> None:
    """The package's own file aside."""
    for folder in (ROOM, *(one for one in ROOM.iterdir() if one.is_dir())):
        assert len([file for file in folder.glob("*.py") if file.name != "__init__.py"]) <= 12


def test_each_sample_is_in_the_folder_that_its_record_says() -> None:
    """A provider, or what kind of program it was captured from; what is reported, or unknown."""
    corpus = Corpus.load()
    for sample in corpus.values():
        assert id_of(sample.record, sample.id.partition("/")[2]) == sample.id
        assert sample.provenance != "captured" or not sample.id.startswith("unknown/")
    assert corpus["clients/httpx-read-timeout"].id == "clients/captured-httpx-read-timeout"
    assert corpus["proxies/nginx-upstream-down"].provider is None
    counts = corpus.counted("provenance")
    readme = (Path(__file__).parents[2] / "corpus" / "README.md").read_text(encoding="utf-8")
    assert f"{counts['reported']} of the samples are reported" in readme
    assert f"{counts['captured']} are captured" in readme


def test_a_proposal_computes_the_intake_once(tmp_path: Path) -> None:
    """The failures of the samples are read once, whatever is proposed and added."""
    corpus = Corpus.load(tmp_path, create=True)
    intake = corpus.intake
    first = corpus.propose("status 503 from the teapot")
    added = first.write().sample
    again = corpus.propose("status 503 from the teapot")
    assert corpus.intake is intake
    assert again.same_as == added.id
    assert again.nearest[0].sample.failure is corpus[added.id].failure
    assert added.failure is added.failure
