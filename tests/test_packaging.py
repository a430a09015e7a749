"""What the package promises to those who install it."""

from __future__ import annotations

import re
from typing import Final, get_args, get_type_hints

import pytest
from support.imports import FILES, third_party
from support.packaging import EXTRAS, PROJECT, ROOT, SETTINGS, distributions

from chatlab.exceptions import MissingExtra

INSTALLED_BY: Final = {
    "IPython": "jupyterlab",
    "httpx2": "openai",
    "ahocorasick_rs": "ahocorasick-rs",
    "kingfisher_sdk": "kingfisher-secret-scanner",
    "prometheus_client": "prometheus-client",
}
"""The distribution of a module, where its name differs."""
BY_NAME: Final = {"anthropic", "openai", "jupyterlab", "ijson", "tqdm"}
"""Libraries that are loaded by a name in a string."""
FOR_TYPES: Final = "_typeshed"
NOT_IN_THE_WHEEL: Final = "chatlab.lab.capture"


def test_the_plain_install_has_no_dependency() -> None:
    assert PROJECT["dependencies"] == []


def test_every_library_that_chatlab_imports_has_an_extra() -> None:
    known = set().union(*(distributions(extra) for extra in EXTRAS))
    used = {
        root
        for name in FILES
        if not name.startswith(NOT_IN_THE_WHEEL)
        for root in third_party(name)
    }
    assert len(used) > 10
    assert {INSTALLED_BY.get(root, root) for root in used - {FOR_TYPES}} <= known


def test_what_a_user_installs_has_no_library_that_chatlab_never_imports() -> None:
    """Hypothesis, say, is a library of the tests."""
    used = {root for name in FILES for root in third_party(name)} | BY_NAME
    names = {INSTALLED_BY.get(root, root) for root in used}
    for extra in EXTRAS.keys() - {"test", "dev"}:
        assert distributions(extra) <= names, extra


def test_each_extra_that_an_error_may_name_exists() -> None:
    extras = get_args(get_type_hints(MissingExtra.__init__)["extra"])
    assert extras
    assert set(extras) <= EXTRAS.keys()


def test_an_error_names_an_extra_that_installs_the_library() -> None:
    """Wherever the name of the library is written beside the error."""
    found = 0
    for file in FILES.values():
        source = file.read_text(encoding="utf-8")
        for library, extra in re.findall(
            r"raise MissingExtra\([^)]*, \"(\w+)\"(?:, extra=\"(\w+)\")?\)", source
        ):
            found += 1
            assert INSTALLED_BY.get(library, library) in distributions(extra or "lab"), file
    assert found >= 7


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_every_requirement_has_a_lower_bound(extra: str) -> None:
    """CI installs exactly these versions and tries them."""
    for line in EXTRAS[extra]:
        assert line.startswith("chatlab[") or re.fullmatch(
            r"[a-z0-9-]+(\[[a-z,]+\])?>=[\d.]+", line
        )


def test_the_source_distribution_has_all_that_the_repository_has() -> None:
    targets = SETTINGS["tool"]["hatch"]["build"]["targets"]
    documents = {file.name for file in ROOT.glob("*.md")} | {"LICENSE"}
    assert documents <= set(targets["sdist"]["include"])
    assert all((ROOT / name).exists() for name in targets["sdist"]["include"])
    assert (PROJECT["license"], PROJECT["license-files"]) == ("MIT", ["LICENSE"])


def test_the_readme_names_every_extra_of_a_user() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [
        extra for extra in EXTRAS if extra != "dev" and f"`chatlab[{extra}]`" not in readme
    ] == []
