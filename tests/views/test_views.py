"""Figures and explorers: what they show is in their text too."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from IPython.testing.globalipapp import start_ipython
from matplotlib.image import imread

from chatlab import Corpus
from chatlab.corpus import check
from chatlab.jupyter.magics import load_ipython_extension
from chatlab.views.figures.figure import agreement_chart
from chatlab.views.forms.verdict_explorer import VerdictExplorer


@pytest.mark.slow
def test_a_chart_is_a_picture_and_a_sentence_of_the_same_numbers() -> None:
    """The sentence counts what the bars count; the face is opaque."""
    report = check(Corpus.load().values())
    chart = agreement_chart(report)
    assert f"{sum(one.ok for one in report.results)} of {len(report.results)}" in repr(chart)
    picture = imread(io.BytesIO(chart._repr_png_()))
    assert picture.shape[0] > 100
    assert picture[0, 0].min() == 1.0


def test_the_explorer_judges_what_is_pasted() -> None:
    """A first render without touching; a new text and a new provider change the verdict."""
    explorer = VerdictExplorer("HTTP 529")
    assert explorer.verdict.kind == "overloaded"
    provider, box, picture = explorer.children
    box.value = "read ECONNRESET <img src=x onerror=alert(1)>"
    provider.value = "anthropic"
    assert (explorer.verdict.kind, explorer.verdict.provider) == ("timeout", "anthropic")
    assert "transport-code" in picture.value
    assert "<img" not in picture.value
    assert explorer.paste("HTTP 401").kind == "auth"
    assert all(control.description for control in (provider, box))


@pytest.fixture
def shell() -> Iterator[object]:
    shell = start_ipython()
    load_ipython_extension(shell)
    yield shell
    shell.run_line_magic("reset", "-f")


@pytest.mark.slow
def test_the_magics_judge_a_cell_and_show_samples(shell: object) -> None:
    """`%%classify` takes the cell's text, `%corpus` words or one id."""
    run_cell = shell.run_cell_magic  # type: ignore[attr-defined]
    run_line = shell.run_line_magic  # type: ignore[attr-defined]
    assert run_cell("classify", "azure openai", "HTTP 429").provider == "azure"
    assert run_line("corpus", "anthropic/overloaded-529").kind == "overloaded"
    frame = run_line("corpus", "groq 413")
    assert len(frame) >= 2
    assert all("groq" in name for name in frame.index)
