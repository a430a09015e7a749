"""The public names: listed, importable, completed, described, and their examples run."""

from __future__ import annotations

import doctest
import gc
import importlib
import inspect
import pickle
import re
import subprocess
import sys
from types import ModuleType

import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter
from support.imports import FILES

import chatlab
from chatlab.exceptions import ChatlabError, MissingExtra

ROOMS = ("text", "errors", "retry", "corpus", "chat", "lab", "views", "jupyter", "cli")
BESIDE_ROOMS = {"__version__", "errors", "retry", "corpus", "chat", "lab", "views"}
NAMES = [("chatlab", name) for name in chatlab.__all__] + [
    (f"chatlab.{room}", name)
    for room in ROOMS
    for name in importlib.import_module(f"chatlab.{room}").__all__
]
MODULES = [
    name
    for name in FILES
    if not name.startswith("chatlab.lab.capture") and not name.endswith("__main__")
]


def room(name: str) -> ModuleType:
    """The package of a room."""
    return importlib.import_module(f"chatlab.{name}")


def test_dir_of_the_package_shows_its_names_and_rooms() -> None:
    """And nothing that it only uses itself."""
    assert set(dir(chatlab)) == {*chatlab.__all__, *BESIDE_ROOMS}


@pytest.mark.parametrize("name", ROOMS)
def test_dir_of_a_room_is_its_public_names(name: str) -> None:
    """Sorted or not, nothing more and nothing less."""
    assert sorted(dir(room(name))) == sorted(room(name).__all__)
    assert len(set(room(name).__all__)) == len(room(name).__all__)


@pytest.mark.slow
def test_each_lazy_name_is_imported_in_a_fresh_process() -> None:
    """Whatever was imported before it."""
    program = "\n".join(f"from {place} import {name}" for place, name in NAMES)
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("place", ["chatlab", *(f"chatlab.{name}" for name in ROOMS)])
def test_a_name_that_is_not_there_is_an_attribute_error(place: str) -> None:
    """So that ``hasattr`` and completion work."""
    assert not hasattr(importlib.import_module(place), "no_such_name")


@pytest.mark.parametrize("place", ["chatlab", *(f"chatlab.{name}" for name in ROOMS)])
def test_ipython_completes_every_public_name(place: str) -> None:
    """After the dot, also those that nobody has used yet."""
    module = importlib.import_module(place)
    completer = IPCompleter(namespace={"room": module}, global_namespace={})
    with provisionalcompleter():
        offered = {one.text.lstrip(".") for one in completer.completions("room.", 5)}
    assert set(module.__all__) <= offered


DESCRIBED = [
    (place, name)
    for place, name in NAMES
    if inspect.isclass(thing := getattr(importlib.import_module(place), name))
    or inspect.isroutine(thing)
]


@pytest.mark.parametrize(("place", "name"), DESCRIBED, ids=lambda part: part)
def test_each_public_function_and_class_is_described(place: str, name: str) -> None:
    """A whole sentence comes first."""
    thing = getattr(importlib.import_module(place), name)
    first = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    assert re.fullmatch(r"[A-Z0-9`].*[.:!?]", first, re.DOTALL), f"{place}.{name}: {first!r}"


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    """Each ``>>>`` line of the module gives what it shows."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0
    gc.collect()  # what an example leaves open is its own fault, not that of the next one


def test_there_are_examples_in_the_rooms_that_people_start_with() -> None:
    """The check above looks at something."""
    finder = doctest.DocTestFinder()
    for start, least in (
        ("chatlab.chat", 60),
        ("chatlab.corpus", 15),
        ("chatlab.text", 3),
        ("chatlab.retry", 5),
    ):
        found = [
            example
            for name in MODULES
            if name.startswith(start)
            for test in finder.find(importlib.import_module(name))
            for example in test.examples
        ]
        assert len(found) >= least, start


def test_every_exception_of_the_package_is_a_chatlab_error() -> None:
    """Warnings are not, nor what ends a program like `KeyboardInterrupt` does."""
    found = {
        thing
        for name in MODULES
        for thing in vars(importlib.import_module(name)).values()
        if inspect.isclass(thing) and issubclass(thing, Exception) and thing.__module__ == name
    }
    assert len(found) >= 8
    assert [one for one in found if not issubclass(one, ChatlabError | Warning)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "library", "extra"),
    [
        ("from chatlab.views import VerdictExplorer", "ipywidgets", "lab"),
        ("from chatlab.views import BackoffExplorer", "ipywidgets", "lab"),
        ("from chatlab.views import CorpusForm", "ipywidgets", "lab"),
        ("from chatlab.views import TurnCard", "ipywidgets", "lab"),
        (
            "from chatlab.views import agreement_chart; agreement_chart(check([]))",
            "matplotlib",
            "lab",
        ),
        ("from chatlab.lab import FakeProvider", "h2", "lab"),
        ("from chatlab.lab import replay; replay(['success'])", "openai", "lab"),
        ("Corpus.load().to_frame()", "pandas", "lab"),
        ("import chatlab.chat; chatlab.chat.Metrics()", "prometheus_client", "metrics"),
        (
            "from chatlab.retry.strategies import tenacity_kwargs; tenacity_kwargs(Backoff())",
            "tenacity",
            "tenacity",
        ),
    ],
)
def test_a_missing_library_names_its_extra(program: str, library: str, extra: str) -> None:
    """As one type of error, in a process in which the library can not be imported."""
    start = f"import sys\nsys.modules[{library!r}] = None\nfrom chatlab import *\n"
    start += "from chatlab.corpus import check\n"
    end = "except MissingExtra as error:\n    print(error.name, error.extra, error, sep='|')"
    body = f"{start}try:\n    {program}\n{end}"
    run = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=True)
    name, named, said = run.stdout.strip().split("|")
    assert (name.partition(".")[0], named) == (library, extra)
    assert said.endswith(f" needs {name}: pip install 'chatlab[{extra}]'")


def test_an_error_about_a_missing_library_survives_a_process_border() -> None:
    """Worker processes send their exceptions back."""
    error = MissingExtra("Metrics", "prometheus_client", extra="metrics")
    assert isinstance(error, ImportError)
    assert isinstance(error, ChatlabError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.name, again.extra) == (str(error), error.name, error.extra)
