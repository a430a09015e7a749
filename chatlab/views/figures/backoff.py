"""Figures of what retrying costs: every wait of a policy, and the time that the waits add up to.

Both are drawn from a `Schedule`, so one's own policy and other clients' presets stand side by side.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, cycle, groupby
from typing import TYPE_CHECKING, Final, Literal

from chatlab.retry import Backoff, Preset, Schedule, Span, duration
from chatlab.text.markup import shortened, visible
from chatlab.text.palette import RETRY, SERIES, STOP, WAITING
from chatlab.views.figures.figure import Chart, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DAY_S: Final = 86_400
TICKS_S: Final = (0, 1, 10, 60, 600, 3_600, 21_600, *(DAY_S * 10**n for n in range(6)))
LINES: Final = (
    (RETRY, "o", "-"),
    (SERIES[0], "s", "--"),
    (SERIES[1], "^", "-."),
    (SERIES[2], "D", ":"),
    (WAITING, "v", "-"),
)
"""Colour, marker and dashes of the first line, the second ...; none has the colour of stopping."""

RUNS_IN_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class _Line:
    """The policies that wait alike under one hint; the first stands for all."""

    names: str
    policy: Backoff | Preset
    schedule: Schedule

    @property
    def text(self) -> str:
        return f"{self.names}: {self.schedule.sentence}"

    @property
    def label(self) -> str:
        """For a figure: what it comes to at worst, and whether it ends there."""
        if self.schedule.goes_on:
            return f"{duration(self.schedule.worst_s)}, goes on"
        if not self.schedule.waits:
            return "does not retry"
        return f"{duration(self.schedule.worst_s)}, then stops"


def waits_chart(
    policies: Mapping[str, Backoff | Preset],
    *,
    hint_s: float | None = None,
    attempts: int | None = None,
) -> Chart:
    """Every wait of a call that never succeeds: a line for each policy, a band for its jitter.

    The hint ceiling of each `Backoff` is drawn too, and what a single policy would wait without the
    hint.

    Parameters
    ----------
    policies : mapping of str to Backoff or Preset
        By the names to show.
    hint_s : float, optional
        What the provider asks for each time, in seconds, drawn as a floor.
    attempts : int, optional
        How many to show; by default all, or 25 of a policy without a limit.

    Raises
    ------
    ValueError
        If there is no policy, or for `attempts` below 1.
    TypeError
        For what is not a policy.
    MissingExtra
        If matplotlib is not installed.

    Examples
    --------
    >>> from chatlab import Backoff
    >>> print(waits_chart({"mine": Backoff(max_attempts=4)}))
    mine: worst case you wait 7 s, then it stops: the limit is 4 attempts (1 s, 2 s, 4 s).
    """
    lines = _lines("waits_chart", policies, hint_s, attempts)
    floor_s = _usable(hint_s)
    ceilings_s = sorted({p.hint_ceiling_s for p in policies.values() if isinstance(p, Backoff)})
    figure, axes = new_axes(height_in=3.4)
    for place, (line, look) in enumerate(zip(lines, cycle(LINES), strict=False)):
        _draw_waits(axes, line, look, aside=0.6 * ((place + 0.5) / len(lines) - 0.5))
    if floor_s is not None and len(lines) == 1:
        _draw_without_hint(axes, lines[0])
    for ceiling_s in ceilings_s:
        named = f"ceiling {duration(ceiling_s)}: a longer hint ends it"
        _mark(axes, ceiling_s, named, STOP, "left")
    if floor_s is not None:
        refused = bool(ceilings_s) and floor_s > ceilings_s[-1]
        asked = f"the provider asks for {duration(floor_s)}"
        _mark(axes, floor_s, asked, STOP if refused else WAITING, "right")
    highest_s = [span.high_s for line in lines for span in line.schedule.waits]
    _time_axis(axes, "y", max([*highest_s, *ceilings_s, floor_s or 0.0]))
    axes.set_ylabel("wait")
    axes.set_xlabel("after attempt")
    longest = max(len(line.schedule.waits) for line in lines)
    axes.set_xlim(0.5, max(longest, 3) + 0.5)
    axes.locator_params("x", integer=True)
    if len(lines) == 1:
        axes.set_title(textwrap.fill(_plain(lines[0].text, 250), 84), fontsize=9, loc="left")
    else:
        figure.legend(frameon=False, fontsize=8, ncols=2, loc="outside lower center")
    texts = [f"{line.text}{_in_words(line.schedule.waits)}." for line in lines]
    if floor_s is not None:
        texts.append(f"The provider asks for {duration(floor_s)} each time.")
    return Chart(figure, " ".join(texts))


def total_wait_chart(
    policies: Mapping[str, Backoff | Preset],
    *,
    hint_s: float | None = None,
    attempts: int | None = None,
) -> Chart:
    """When each attempt of a call that never succeeds begins: a row for each policy, on one axis.

    A dot is an attempt at its latest, a bar before it says how much earlier jitter can make it;
    policies that wait alike share a row.

    Parameters
    ----------
    policies, hint_s, attempts
        As of `waits_chart`, which raises the same errors.

    Examples
    --------
    >>> from chatlab import Backoff
    >>> print(total_wait_chart({"mine": Backoff(max_attempts=4)}))
    mine: worst case you wait 7 s, then it stops: the limit is 4 attempts.
    """
    lines = _lines("total_wait_chart", policies, hint_s, attempts)
    figure, axes = new_axes(height_in=1.1 + 0.27 * len(lines))
    for row, line in enumerate(lines):
        schedule = line.schedule
        axes.plot([0, schedule.worst_s], [row, row], color=WAITING, lw=1, zorder=1)
        earliest, latest = (
            list(accumulate((span[end] for span in schedule.waits), initial=0.0)) for end in (0, 1)
        )
        axes.hlines([row] * len(latest), earliest, latest, color=RETRY, alpha=0.15, lw=7, zorder=0)
        axes.plot(latest, [row] * len(latest), ls="", marker="o", ms=4, color=RETRY)
        marker, color = (">", RETRY) if schedule.goes_on else ("X", STOP)
        axes.plot([schedule.worst_s], [row], marker=marker, color=color, ms=8, mec="white")
        where = axes.get_yaxis_transform()
        axes.text(1.02, row, line.label, transform=where, va="center", fontsize=9)
    axes.set_yticks(range(len(lines)), [_plain(line.names) for line in lines])
    axes.tick_params("y", length=0)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    _time_axis(axes, "x", max(line.schedule.worst_s for line in lines))
    axes.set_xlabel("time since the first attempt, if every wait is as long as it can be")
    axes.grid(axis="x", alpha=0.25)
    for marker, color, named in (
        ("o", RETRY, "attempt"),
        ("X", STOP, "stops"),
        (">", RETRY, "goes on"),
    ):
        axes.plot([], [], ls="", marker=marker, color=color, label=named)
    figure.legend(frameon=False, fontsize=8, ncols=3, loc="outside upper right")
    return Chart(figure, " ".join(f"{line.text}." for line in lines))


def _lines(
    where: str,
    policies: Mapping[str, Backoff | Preset],
    hint_s: float | None,
    attempts: int | None,
) -> list[_Line]:
    if not policies:
        raise ValueError(f"{where}: no policy; pass at least one, such as {{'mine': Backoff()}}")
    alike: dict[Schedule, list[str]] = {}
    for name, policy in policies.items():
        if not isinstance(policy, (Backoff, Preset)):
            raise TypeError(
                f"{where}: the policy of {name!r} is {policy!r}; pass a Backoff, or another "
                "client's row, for example preset_named('openai')"
            )
        alike.setdefault(policy.schedule(hint_s, attempts), []).append(name)
    return [_Line(", ".join(n), policies[n[0]], schedule) for schedule, n in alike.items()]


def _usable(hint_s: float | None) -> float | None:
    """The hint as policies take it: no finite number of seconds is no hint."""
    return hint_s if hint_s is not None and 0 <= hint_s < float("inf") else None


def _in_words(waits: Iterable[Span]) -> str:
    """``" (1 s, 2 s, 22 times 4 s)"``; the later of many different waits are left out."""
    said = []
    for span, same in groupby(waits):
        times = len(list(same))
        low, high = duration(span.low_s), duration(span.high_s)
        wait = high if low == high else f"{low} to {high}"
        said.append(wait if times == 1 else f"{times} times {wait}")
    if not said:
        return ""
    if len(said) > RUNS_IN_WORDS:
        said[RUNS_IN_WORDS:] = [f"and so on up to {said[-1]}"]
    return f" ({', '.join(said)})"


def _plain(text: str, limit: int = 40) -> str:
    """`text` as a figure shows it: cut at `limit` characters, and a dollar is no formula."""
    return shortened(visible(text), limit).replace("$", r"\$")


def _draw_waits(axes: Axes, line: _Line, look: tuple[str, str, str], aside: float) -> None:
    """One policy's waits, beside those of the others; a bar says where jitter can draw from."""
    color, marker, dashes = look
    waits = line.schedule.waits
    after = [number + aside for number in range(1, len(waits) + 1)]
    lows, highs = [span.low_s for span in waits], [span.high_s for span in waits]
    axes.vlines(after, lows, highs, color=color, alpha=0.35, lw=3)
    label = f"{_plain(line.names)} ({line.label})"
    axes.plot(after, highs, color=color, marker=marker, ls=dashes, lw=1, ms=4, label=label)


def _draw_without_hint(axes: Axes, line: _Line) -> None:
    waits = line.schedule.waits
    plain = line.policy.schedule(None, len(waits) + 1).waits
    if not waits or plain == waits:
        return
    after = range(1, len(plain) + 1)
    axes.plot(after, [span.high_s for span in plain], color=WAITING, ls=":")
    axes.annotate(
        "without the hint",
        (1, plain[0].high_s),
        xytext=(8, -2),
        textcoords="offset points",
        va="center",
        color=WAITING,
        fontsize=8,
    )


def _mark(axes: Axes, at_s: float, text: str, color: str, side: Literal["left", "right"]) -> None:
    """A level with its name, out of the way of the lines, which rise from left to right."""
    axes.axhline(at_s, color=color, lw=1, ls=(0, (6, 3)))
    x, above = (0.01, "bottom") if side == "left" else (0.99, "top")
    where = axes.get_yaxis_transform()
    axes.text(x, at_s, text, transform=where, ha=side, va=above, color=color, fontsize=8)


def _time_axis(axes: Axes, which: Literal["x", "y"], most_s: float) -> None:
    """From nothing to `most_s`, at least a second, so that tenths of a second and hours show."""
    end_s = 1.8 * max(most_s, 1.0)
    ticks = [tick for tick in TICKS_S if tick <= end_s]
    names = [duration(tick) for tick in ticks]
    if which == "x":
        axes.set_xscale("symlog", linthresh=0.1, linscale=0.4)
        axes.set_xlim(-0.02, end_s)
        axes.set_xticks(ticks, names, fontsize=8)
        axes.set_xticks([], minor=True)
    else:
        axes.set_yscale("symlog", linthresh=0.1, linscale=0.4)
        axes.set_ylim(-0.02, end_s)
        axes.set_yticks(ticks, names)
        axes.set_yticks([], minor=True)
