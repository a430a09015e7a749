"""The files of the providers that chatlab ships, and their compiled form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from chatlab.errors import RULES
from chatlab.errors.providers import GENERIC, SHIPPED
from chatlab.errors.providers.__main__ import compiled
from chatlab.errors.providers.registry import COMPILED, FOLDER
from chatlab.errors.providers.sources import ProviderFileError, read_files, shipped_files


def test_the_compiled_form_is_current() -> None:
    """Else run ``python -m chatlab.errors.providers``."""
    assert Path(COMPILED).read_text(encoding="utf-8") == compiled(shipped_files())


def test_every_fact_is_of_a_rule_and_is_known_to_it() -> None:
    """Nothing that a file says is lost on the way into the table."""
    files = read_files([FOLDER], [rule.id for rule in RULES], ())
    said = Counter(fact for file in files for fact in file.facts())
    known = Counter((rule.id, fact) for rule in RULES for fact in rule.documented)
    assert said == known
    assert max(said.values()) == 1


def test_every_provider_is_reported_as_one_that_has_a_file() -> None:
    """And the eight that `Verdict.provider` knows are reported as themselves."""
    assert GENERIC not in SHIPPED
    for one in SHIPPED.values():
        assert SHIPPED[one.reported].reported == one.reported


def test_bare_numbers_are_a_providers_own() -> None:
    """A number means something else everywhere."""
    numbers = [fact for rule in RULES for fact in rule.documented if fact.is_number]
    assert numbers
    assert all(fact.provider != GENERIC for fact in numbers)


def test_a_name_has_many_spellings_and_one_provider() -> None:
    """No alias is claimed by two."""
    claimed: dict[str, str] = {}
    for one in SHIPPED.values():
        for alias in (one.name, one.display, *one.aliases):
            assert SHIPPED.named(alias) is one
            assert claimed.setdefault(alias.casefold(), one.name) == one.name


GOOD = """
display = "Mine"
[[facts]]
source = "https://mine.example/errors"
read = 2026-11-20
auth-refused.codes = ["4711"]
"""
WRONG = [
    ("display = 5", "display: must be a text in quotes"),
    ("", "display: missing; give the name that people read"),
    ("displai = 'x'", "displai: no such field; did you mean 'display'?"),
    ("display = 'x'\nhosts = 'a'", 'hosts: must be a list of texts: ["..."]'),
    ("display = 'x'\nhosts = ['']", "hosts: one of its texts is empty"),
    ("display = 'x'\nserves_others = 1", "serves_others: must be true or false"),
    (
        "display = 'x'\nreported_as = 'openay'",
        "reported_as: no provider is called 'openay'; did you mean 'openai'?",
    ),
    ("display = 'x'\nfacts = 3", "facts: write it as tables: [[facts]]"),
    (GOOD.replace("source", "sorce"), "facts 1: source: say where this is written"),
    (GOOD.replace("2026-11-20", "'now'"), "facts 1: read: must be the day on which it was read"),
    (
        GOOD.replace("auth-refused", "auth-refusd"),
        "facts 1: auth-refusd: no rule is called 'auth-refusd'; did you mean 'auth-refused'?",
    ),
    (
        GOOD.replace(".codes", ".cods"),
        "facts 1: auth-refused.cods: no such evidence; did you mean 'codes'?",
    ),
    (
        GOOD.replace("codes", "given.cods"),
        "facts 1: auth-refused.given.cods: no such evidence; did you mean 'codes'?",
    ),
    (
        GOOD.replace("codes", "statuses"),
        "facts 1: auth-refused.statuses: must be a list of HTTP statuses: [529]",
    ),
    (
        GOOD.replace("codes", "phrases").replace("4711", "so …"),
        "facts 1: auth-refused.phrases: 'so …': say words on both sides of '…'",
    ),
    (GOOD + "shared = 1", "facts 1: shared: must be true or false"),
    ("display = ", "is not TOML: "),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:50] for _, said in WRONG])
def test_a_mistake_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """The file, the field, what is wrong, and the nearest name."""
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ProviderFileError) as told:
        read_files([file], [rule.id for rule in RULES], SHIPPED)
    assert str(told.value).startswith(f"{file}: {said}")
    assert "\n" not in str(told.value)


def test_a_missing_file_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    """So is a file whose name cannot be a provider's."""
    with pytest.raises(ProviderFileError, match=r"nothing\.toml: no such file"):
        read_files([tmp_path / "nothing.toml"], None, ())
    with pytest.raises(ProviderFileError, match=r"no file in it ends with \.toml"):
        read_files([tmp_path], None, ())
    (tmp_path / "My Provider.toml").write_text(GOOD)
    with pytest.raises(ProviderFileError, match="name the file in lower-case"):
        read_files([tmp_path], None, ())
