"""Explorers made of ipywidgets; everything they show is reachable without them."""

from __future__ import annotations

from typing import Any

from chatlab.exceptions import MissingExtra

try:
    import ipywidgets as widgets
except ModuleNotFoundError:
    raise MissingExtra("the explorer", "ipywidgets") from None

from chatlab.errors import Verdict, classify
from chatlab.errors.reading.who_answered import DISPLAY_NAMES


class VerdictExplorer(widgets.VBox):  # type: ignore[misc]
    """A box to paste any failure into, with the verdict and its evidence below.

    Parameters
    ----------
    text : str
        What the box holds at first.
    provider : str, optional
        Who answered; by default it is read from the text.

    Attributes
    ----------
    verdict : Verdict
        The verdict on what the box holds.

    Examples
    --------
    >>> explorer = VerdictExplorer("HTTP 529")
    >>> str(explorer.verdict.kind), str(explorer.paste("HTTP 401").kind)
    ('overloaded', 'auth')
    """

    def __init__(self, text: str = "", provider: str | None = None) -> None:
        wide = widgets.Layout(width="98%")
        label = {"description_width": "5em"}
        self._text = widgets.Textarea(
            value=text,
            description="Failure",
            placeholder="paste an error body, a log line, a traceback or a curl -i dump",
            rows=6,
            layout=wide,
            style=label,
        )
        self._provider = widgets.Dropdown(
            options=[
                ("read from the text", None),
                *((name, key) for key, name in DISPLAY_NAMES.items()),
            ],
            value=provider,
            description="Provider",
            style=label,
        )
        self._picture = widgets.HTML()
        for control in (self._text, self._provider):
            control.observe(self._update, names="value")
        self._update()
        super().__init__([self._provider, self._text, self._picture])

    def _update(self, _change: dict[str, Any] | None = None) -> None:
        self.verdict: Verdict = classify(self._text.value, provider=self._provider.value)
        self._picture.value = self.verdict._repr_html_()

    def paste(self, text: str) -> Verdict:
        """Put `text` into the box, as a person would; returns the verdict on it."""
        self._text.value = text
        return self.verdict

    def __repr__(self) -> str:
        return f"VerdictExplorer: {self.verdict}"
