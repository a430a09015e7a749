"""Matplotlib figures, each with a sentence, computed from the same data, that says what it shows.

Colours say what to do, and words beside them say it again: blue retry, green succeeded,
vermillion stop, purple chain broken, grey waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from chatlab.exceptions import MissingExtra
from chatlab.text.palette import STOP, SUCCEEDED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from chatlab.corpus import Report


@dataclass(frozen=True, slots=True, repr=False)
class Chart:
    """A figure and the sentence that says what it shows; the sentence is its text form.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    sentence : str
        The numbers of the picture in words.
    """

    figure: Figure
    sentence: str

    def __repr__(self) -> str:
        return self.sentence

    def png(self) -> bytes:
        """The picture, on an opaque light face so that it reads on dark pages too."""
        picture = BytesIO()
        self.figure.savefig(picture, format="png", dpi=110, facecolor="white")
        return picture.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()


def new_axes(width_in: float = 7.0, height_in: float = 3.2) -> tuple[Figure, Axes]:
    """A light figure with one pair of axes; sizes in inches. Needs the ``lab`` extra."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtra("a chart", "matplotlib") from None
    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def agreement_chart(report: Report) -> Chart:
    """How often the whole verdict is right, by provider: a bar for each, with its samples.

    Parameters
    ----------
    report : Report
        What `chatlab.corpus.check` found.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.

    Examples
    --------
    >>> from chatlab import Corpus
    >>> from chatlab.corpus import check
    >>> print(agreement_chart(check([Corpus.load()["anthropic/overloaded-529"]])))
    The whole verdict is as expected for 1 of 1 samples; the lowest share is at anthropic, 1 of 1.
    """
    groups = report.by(lambda sample: sample.provider or "unknown")
    names = list(groups)
    right = [sum(one.ok for one in groups[name]) for name in names]
    wrong = [len(groups[name]) - good for name, good in zip(names, right, strict=True)]
    figure, axes = new_axes(height_in=0.6 + 0.32 * len(names))
    axes.barh(names, right, color=SUCCEEDED, label="as expected")
    axes.barh(names, wrong, left=right, color=STOP, label="otherwise", hatch="//")
    for row, name in enumerate(names):
        axes.text(len(groups[name]) + 1, row, f"{right[row]} of {len(groups[name])}", va="center")
    axes.invert_yaxis()
    axes.set_xlabel("samples")
    axes.margins(x=0.12)
    axes.legend(frameon=False, loc="lower right")
    good = sum(right)
    worst = min(names, key=lambda name: sum(one.ok for one in groups[name]) / len(groups[name]))
    sentence = (
        f"The whole verdict is as expected for {good} of {len(report.results)} samples; the lowest "
        f"share is at {worst}, {right[names.index(worst)]} of {len(groups[worst])}."
    )
    return Chart(figure, sentence)
