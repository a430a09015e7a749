"""No secret leaves through what is shown of a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.planted_secrets import Draw
from support.secret_formats import FORMATS, SENTENCES

from chatlab.errors import Failure, classify
from chatlab.errors.redact import redacted

WINDOW = 8
HARMLESS = (
    (Path(__file__).parents[1] / "corpus" / "sanitizer" / "harmless_lookalikes.txt")
    .read_text(encoding="utf-8")
    .splitlines()
)


def left(core: str, shown: str) -> str | None:
    """Eight characters in a row of `core` that `shown` still has."""
    windows = (core[at : at + WINDOW] for at in range(len(core) - WINDOW + 1))
    return next((one for one in windows if one in shown), None)


def ways_out(text: str) -> Iterator[tuple[str, str]]:
    """Everything that people and logs see of a failure with this text, in a body and bare."""
    for failure in (
        Failure(status=401, body={"error": {"message": text, "code": "invalid_api_key"}}),
        Failure(text=text),
        Failure(exception_type="openai.APIError", exception_text=text),
    ):
        verdict = classify(failure)
        yield "detail", verdict.detail or ""
        yield "message", verdict.message
        yield "retry message", verdict.retry_message or ""
        yield "explain", str(verdict.explain())
        yield "repr", f"{verdict!r} {failure!r}"
        yield "html", verdict._repr_html_() + verdict.explain()._repr_html_()


def test_there_are_sixty_five_formats_and_twenty_sentences() -> None:
    """As many as were promised, all different."""
    assert len(FORMATS) >= 65
    assert len(set(SENTENCES)) == 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_no_format_leaks_by_any_way_out(kind: str) -> None:
    """In each sentence, nowhere eight characters in a row of the secret."""
    d = Draw(sum(map(ord, kind)))
    leaks = []
    for sentence in SENTENCES:
        value, core = FORMATS[kind](d)
        text = sentence.format(value)
        leaks += [
            (way, sentence, found) for way, shown in ways_out(text) if (found := left(core, shown))
        ]
    assert leaks == []


def test_look_alikes_stay() -> None:
    """Of model names, numbers, addresses and identifiers at most 0.5 % is touched."""
    touched = [line for line in HARMLESS if redacted(line) != line]
    assert len(touched) <= 0.005 * len(HARMLESS), touched


def test_a_text_without_secrets_stays_as_it_is() -> None:
    """Escapes, percent signs and markup are decoded only where they hide a secret."""
    text = "100%41 of \\u0041 &#x41; \u200b and \x1b[1mmore\x1b[0m"
    assert redacted(text) == text


def test_a_megabyte_of_prefixes_is_read_once() -> None:
    """The number of prefixes whose tails are looked at does not grow with what follows them."""
    assert redacted("xsk-" * 50_000).startswith("xsk-")
    assert "[redacted]" in redacted("sk-" * 50_000)
