"""An explorer of retry policies: a control for each part, and what it then costs at worst."""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from chatlab.exceptions import MissingExtra
from chatlab.text.spelling import suggest

try:
    import ipywidgets as widgets
except ModuleNotFoundError:
    raise MissingExtra("the explorer", "ipywidgets") from None

from chatlab.retry import (
    PRESETS,
    Backoff,
    Decorrelated,
    Equal,
    Full,
    Jitter,
    Preset,
    Schedule,
    duration,
    preset_named,
)
from chatlab.text.markup import Html, joined, table, tag
from chatlab.views.figures.backoff import total_wait_chart, waits_chart
from chatlab.views.figures.figure import Chart

YOURS: Final = "yours"

_UNDER_AN_HOUR: Final = (0, 0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 10, 20, 30, 60, 120, 300, 600, 1_800)
_HOURS: Final = (3_600, 7_200, 21_600, 86_400)


class _Slider(NamedTuple):
    """One slider: what it is called, what it offers, and its word for None if None is offered."""

    description: str
    offered: tuple[float, ...]
    none: str = ""
    seconds: bool = True


_SLIDERS: Final = {
    "initial_s": _Slider("First wait", _UNDER_AN_HOUR),
    "factor": _Slider("Factor", (1, 1.1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 10), seconds=False),
    "cap_s": _Slider("Longest backoff", _UNDER_AN_HOUR + _HOURS),
    "max_attempts": _Slider("Attempts", tuple(range(1, 51)), none="no limit", seconds=False),
    "hint_ceiling_s": _Slider("Hint ceiling", _UNDER_AN_HOUR + _HOURS),
    "hint_s": _Slider("Provider's hint", _UNDER_AN_HOUR + _HOURS, none="none"),
}
_STYLE: Final = {"description_width": "8em"}


class BackoffExplorer(widgets.VBox):  # type: ignore[misc]
    """Sliders for a policy and for what the provider asks, beside the schedules of other clients.

    Parameters
    ----------
    policy : Backoff, optional
        Where the sliders stand at first; a value of its own is added to the slider.
    hint_s : float, optional
        What the provider asks for each time, in seconds.
    compare : sequence of str
        Names of presets.
    rng : random.Random, optional
        From which `policy` draws if jitter is chosen, by default seeded with 0; the explorer itself
        draws nothing.

    Attributes
    ----------
    policy : Backoff
        What the controls say, with `hint_s` and `schedule`, whose text says what the person waits
        at worst.
    waits, total : Chart
        The two figures.
    controls : dict
        The widgets by the names that `choose` takes.

    Raises
    ------
    ValueError
        For a hint that is no time.
    KeyError
        For an unknown preset.

    Examples
    --------
    >>> explorer = BackoffExplorer()
    >>> schedule = explorer.choose(max_attempts=5, hint_s=30)
    >>> explorer.policy.max_attempts, explorer.hint_s
    (5, 30)
    """

    def __init__(
        self,
        policy: Backoff | None = None,
        *,
        hint_s: float | None = None,
        compare: Sequence[str] = ("openai", "mux"),
        rng: Random | None = None,
    ) -> None:
        policy = policy or Backoff()
        if hint_s is not None and not 0 <= hint_s < math.inf:
            raise ValueError(
                f"BackoffExplorer: hint_s is {hint_s!r}; pass finite seconds, 0 or more, or None"
            )
        rng = rng or Random(0)
        self._jitters: dict[str, Jitter | None] = {"none": None}
        for jitter in (Full(rng), Equal(rng), Decorrelated(rng), policy.jitter):
            if jitter is not None:
                self._jitters[type(jitter).__name__.lower()] = jitter
        self.controls: dict[str, Any] = {
            name: _slider(row, hint_s if name == "hint_s" else getattr(policy, name))
            for name, row in _SLIDERS.items()
        }
        self.controls["jitter"] = widgets.Dropdown(
            options=list(self._jitters),
            value=type(policy.jitter).__name__.lower() if policy.jitter else "none",
            description="Jitter",
            style=_STYLE,
        )
        self.controls["compare"] = widgets.SelectMultiple(
            options=list(PRESETS),
            value=[preset_named(name).name for name in compare],
            rows=6,
            description="Compare with",
            style=_STYLE,
        )
        self._page = widgets.HTML()
        self._choosing = False
        for control in self.controls.values():
            control.observe(self._update, names="value")
        self._update()
        columns = widgets.Layout(grid_template_columns="repeat(auto-fit, minmax(23em, 1fr))")
        super().__init__(
            [widgets.GridBox(list(self.controls.values()), layout=columns), self._page]
        )

    def choose(
        self, *, compare: Sequence[str] | None = None, **values: float | str | None
    ) -> Schedule:
        """Move controls, as a person would; returns the schedule.

        compare: names of presets instead of those that are shown. values: by the names of
        `controls`, for example ``hint_s=30, jitter="full"``. Raises ValueError for a name or a
        value that is not offered, KeyError for an unknown preset.
        """
        settings: dict[str, object] = {
            name: self._setting(name, value) for name, value in values.items()
        }
        if compare is not None:
            settings["compare"] = [preset_named(name).name for name in compare]
        self._choosing = True
        try:
            for name, setting in settings.items():
                self.controls[name].value = setting
        finally:
            self._choosing = False
            self._update()
        return self.schedule

    def _setting(self, name: str, value: float | str | None) -> float | str:
        if name not in self.controls:
            raise ValueError(
                f"BackoffExplorer.choose: there is no control {name!r}; "
                f"{_instead(name, self.controls)}"
            )
        if name == "jitter":
            offered: dict[str, float | str] = {kind: kind for kind in self._jitters}
        else:
            offered = dict(self.controls[name].options)
        setting = "none" if value is None else value
        if value is None and name in _SLIDERS:
            setting = _SLIDERS[name].none
        if setting not in offered.values():
            raise ValueError(
                f"BackoffExplorer.choose: {name} does not offer {value!r}; "
                f"{_instead(str(value), offered)}"
            )
        return setting

    def _update(self, _change: dict[str, Any] | None = None) -> None:
        if self._choosing:
            return
        chosen = {name: control.value for name, control in self.controls.items()}
        for name, row in _SLIDERS.items():
            if chosen[name] == row.none:
                chosen[name] = None
        compared = {name: PRESETS[name] for name in chosen.pop("compare")}
        jitter = self._jitters[chosen.pop("jitter")]
        self.hint_s: float | None = chosen.pop("hint_s")
        self.policy = Backoff(**chosen, jitter=jitter)
        self.schedule = self.policy.schedule(self.hint_s)
        policies: dict[str, Backoff | Preset] = {YOURS: self.policy, **compared}
        self.waits = waits_chart(policies, hint_s=self.hint_s)
        self.total = total_wait_chart(policies, hint_s=self.hint_s)
        self._page.value = joined(
            [
                tag("p", tag("strong", _capital(self.schedule.sentence))),
                _clients(policies, self.hint_s),
                _image(self.waits),
                _image(self.total),
            ]
        )

    def __repr__(self) -> str:
        return f"BackoffExplorer: {self.schedule}"


def _slider(row: _Slider, value: float | None) -> widgets.SelectionSlider:
    offered = sorted({*row.offered, *([] if value is None else [value])})
    options: list[tuple[str, float | str]] = [
        (duration(number) if row.seconds else f"{number:g}", number) for number in offered
    ]
    if row.none:  # no hint is the shortest wait, no limit the most attempts
        options.insert(0 if row.seconds else len(options), (row.none, row.none))
    return widgets.SelectionSlider(
        options=options,
        value=row.none if value is None else value,
        description=row.description,
        continuous_update=False,
        style=_STYLE,
        layout=widgets.Layout(width="98%"),
    )


def _instead(name: str, offered: Collection[str]) -> str:
    return suggest(name, offered, f"there are {', '.join(offered)}")


def _clients(policies: dict[str, Backoff | Preset], hint_s: float | None) -> Html:
    rows = []
    for name, policy in policies.items():
        if isinstance(policy, Preset):
            use: str = policy.hint
        else:
            use = f"waits at least that; stops if it is above {duration(policy.hint_ceiling_s)}"
        rows.append([name, policy.schedule(hint_s).sentence, use])
    return table(["client", "if it never succeeds", "what it does with a hint"], rows)


def _image(chart: Chart) -> Html:
    data = base64.b64encode(chart.png()).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return tag("img", src=source, alt=chart.sentence, style="max-width:100%;display:block")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
