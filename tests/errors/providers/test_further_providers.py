"""A provider of one's own: one TOML file and three samples, without a change to chatlab."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chatlab import Corpus, Failure, classify
from chatlab.cli import main
from chatlab.errors import RULES
from chatlab.errors.providers import SHIPPED
from chatlab.errors.providers.sources import ProviderFileError
from chatlab.errors.reading.who_answered import normalised_provider, vendor_of, who_answered

FLUX = """
display = "Flux AI"
aliases = ["fluxai"]
hosts = ["api.flux.example"]
names = ["flux ai"]

[[facts]]
source = "https://flux.example/docs/errors"
read = 2026-11-20
auth-refused.codes = ["7001"]
overloaded-code.codes = ["CapacitorEmpty"]
spent-words.phrases = ["the capacitor plan is used up"]
"""


def failures() -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """A refused key, a shortage and a spent plan, with their verdicts."""
    return {
        "refused-key": ({"code": "7001", "message": "no"}, {"kind": "auth", "retryable": False}),
        "shortage": (
            {"code": "CapacitorEmpty", "message": "no"},
            {"kind": "overloaded", "retryable": True},
        ),
        "spent": (
            {"message": "The capacitor plan is used up."},
            {"kind": "usage_limit", "retryable": False},
        ),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flux.toml"
    path.write_text(FLUX, encoding="utf-8")
    return path


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    (folder / "flux").mkdir(parents=True)
    shipped = next(iter(Corpus.load().values())).record
    for name, (error, verdict) in failures().items():
        record = {
            **{key: value for key, value in shipped.items() if key not in ("body_file", "accept")},
            "provider": "flux",
            "vendor": "Flux AI",
            "status": 400,
            "headers": {},
            "body": {"error": error},
            "exception": None,
            "text": None,
            "accept": None,
            "expected": {
                "provider": "flux",
                "status_code": 400,
                "retry_after_s": None,
                "chain_broken": False,
                **verdict,
            },
        }
        (folder / "flux" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_its_name_its_codes_and_its_words_are_known(file: Path) -> None:
    """By the caller's word, an alias, or the host in a text."""
    rules = RULES.with_providers(file)
    for error, verdict in failures().values():
        found = classify(Failure(body={"error": error}, provider="FluxAI"), rules=rules)
        assert (found.provider, found.kind, found.retryable) == (
            "flux",
            verdict["kind"],
            verdict["retryable"],
        )
        assert found.message.count("Flux AI") == 1
        assert found.explain().evidence
    text = 'POST https://api.flux.example/v1: 400 {"code": "7001"}'
    assert classify(text, rules=rules).kind == "auth"
    assert classify('400 {"code": "7001"}', rules=rules).kind != "auth"
    assert classify(text, "openai", rules).kind != "auth"
    known = rules.providers
    assert normalised_provider("fluxai", known) == "flux"
    assert vendor_of("flux", known) == "Flux AI"
    assert who_answered(["flux ai is down"], providers=known).provider == "flux"


def test_the_shipped_rules_do_not_change(file: Path) -> None:
    """The new table is another one, and its changed copies keep the provider."""
    rules = RULES.with_providers(file.parent)
    assert "flux" not in SHIPPED
    assert normalised_provider("flux") == "openai-compat"
    assert classify(Failure(body={"error": {"code": "7001"}}, provider="flux")).kind != "auth"
    without = rules.without("chain-lost")
    assert without.providers is rules.providers
    assert without[:].providers is rules.providers
    failure = Failure(body={"error": {"code": "7001"}}, provider="flux")
    assert classify(failure, rules=without).kind == "auth"
    assert RULES.with_providers(file).with_providers(file) == RULES.with_providers(file)


def test_its_samples_are_checked(
    file: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the library and by the command; without the file their provider is not known."""
    rules = RULES.with_providers(file)
    corpus = Corpus.load(samples, providers=rules.providers)
    assert corpus.check(rules).unexpected == ()
    assert main(["corpus", "check", str(samples), "--providers", str(file)]) == 0
    assert "3 samples, 0 unexpected" in capsys.readouterr().out
    assert main(["corpus", "check", str(samples)]) == 1
    assert "'flux' is not an allowed value" in capsys.readouterr().err


@pytest.mark.slow
def test_its_samples_are_tests(file: Path, samples: Path, tmp_path: Path) -> None:
    """By an ini value of pytest, in a project that has nothing else of chatlab's."""
    ini = f"[pytest]\nchatlab_corpus = {samples}\nchatlab_providers = {file}\n"
    (tmp_path / "pytest.ini").write_text(ini, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", str(samples)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "3 passed" in run.stdout, run.stdout


def test_it_is_listed_and_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside chatlab's own, with its sources."""
    assert main(["providers", "--providers", str(file)]) == 0
    listed = capsys.readouterr().out
    assert "Flux AI" in listed
    assert "Groq" in listed
    assert main(["providers", "FluxAI", "--providers", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "https://flux.example/docs/errors, read 2026-11-20" in shown
    assert "auth-refused codes: 7001" in shown
    assert main(["classify", "--quiet", "--provider", "flux", "--providers", str(file), "a b"]) == 0


def test_an_alias_is_shown_and_an_unknown_name_is_pointed_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`generic` shows what is nobody's own."""
    assert main(["providers", "kimi"]) == 0
    assert "moonshot: Moonshot AI" in capsys.readouterr().out
    assert main(["providers", "generic"]) == 0
    assert "ECONNRESET" in capsys.readouterr().out
    assert main(["providers", "antropic"]) == 2
    assert "did you mean 'anthropic'?" in capsys.readouterr().err


def test_a_wrong_file_is_one_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with status 2."""
    file.write_text(FLUX.replace("overloaded-code", "overloaded-cod"), encoding="utf-8")
    with pytest.raises(ProviderFileError, match="did you mean 'overloaded-code'"):
        RULES.with_providers(file)
    assert main(["providers", "--providers", str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"chatlab: {file}: facts 1: overloaded-cod: no rule is called")
    assert said.count("\n") == 1
