"""Chain mode in figures: what it saves, and the shortest life that breaks a policy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from chatlab.lab.exploration.invariants import INVARIANTS
from chatlab.text.markup import shortened
from chatlab.text.palette import CHAIN_BROKEN, RETRY, STOP, SUCCEEDED, WAITING
from chatlab.views.figures.figure import Chart, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chatlab.lab.exploration.invariants import TraceLine as Act
    from chatlab.lab.exploration.model_check import Exploration as Explored
    from chatlab.lab.memory.records import MemoryExchange as Exchange

_MAX_CHARS: Final = 64


def savings_chart(chained: Sequence[Exchange], replayed: Sequence[Exchange]) -> Chart:
    """Bytes and tokens that the same conversation takes, chained and replayed, request by request.

    Both are as the provider has counted them, summed up from the first request.

    Parameters
    ----------
    chained, replayed : sequence of Exchange
        What a `chatlab.lab.ResponseMemory` has seen of the two conversations.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    figure, whole = new_axes(8.0, 3.4)
    whole.remove()
    left, right = figure.subplots(1, 2)
    said = []
    for axis, title, of in (
        (left, "kilobytes sent", lambda one: one.bytes_sent / 1000),
        (right, "tokens sent", lambda one: one.tokens_sent),
    ):
        sums = [list(accumulate(map(of, exchanges))) for exchanges in (replayed, chained)]
        for name, colour, line in zip(
            ("replayed", "chained"), (RETRY, SUCCEEDED), sums, strict=True
        ):
            axis.plot(range(1, len(line) + 1), line, color=colour, marker="o", markersize=3)
            axis.annotate(name, (len(line), line[-1]), ha="right", va="bottom", color=colour)
        axis.set_title(title, loc="left")
        axis.set_xlabel("request")
        axis.spines[["top", "right"]].set_visible(False)
        last = [line[-1] for line in sums]
        said.append(f"{last[1]:,.0f} instead of {last[0]:,.0f} {title}")
    read = sum(one.context_tokens for one in chained), sum(one.context_tokens for one in replayed)
    same = "as many" if read[0] == read[1] else f"{read[0]:,} instead of {read[1]:,}"
    right.set_ylim(bottom=0)
    left.set_ylim(bottom=0)
    return Chart(
        figure,
        f"{len(chained)} requests, chained: {' and '.join(said)}; the model reads {same} tokens, "
        "because the provider puts the conversation together again.",
    )


def trace_chart(explored: Explored) -> Chart:
    """The shortest life that violates an invariant, as a sequence diagram; time runs down.

    Parameters
    ----------
    explored : Explored
        What `chatlab.lab.explore` has found.

    Raises
    ------
    ValueError
        If the exploration has found no violation.
    MissingExtra
        If matplotlib is not installed.
    """
    if explored.violated is None:
        raise ValueError(f"trace chart: {explored!r}; there is no trace to draw")
    acts = explored.trace
    lanes = list(dict.fromkeys(name for act in acts for name in (act.actor, act.to) if name))
    lanes.sort(key=("person", "client", "provider", "tool").index)
    figure, axes = new_axes(8.5, 0.42 * len(acts) + 1.2)
    bottom = -len(acts) - 0.4
    for at, name in enumerate(lanes):
        axes.plot([at, at], [0, bottom], color=WAITING, linewidth=0.8, zorder=1)
        axes.text(at, 0.35, name, ha="center", fontweight="bold")
    for number, act in enumerate(acts, start=1):
        _draw(axes, act, -number, lanes)
    axes.set_xlim(-0.6, len(lanes) - 0.4)
    axes.set_ylim(bottom - 0.5, 0.9)
    axes.text(-0.1, bottom - 0.3, f"broken: {explored.found}", color=STOP, fontsize=9)
    axes.axis("off")
    broken = f"{explored.policy} breaks {explored.violated!r} in {len(acts)} acts"
    return Chart(figure, f"{broken}; it demands that {INVARIANTS[explored.violated]}.")


def _draw(axes: Axes, act: Act, y: float, lanes: list[str]) -> None:
    start, what = lanes.index(act.actor), shortened(act.what, _MAX_CHARS)
    colour = CHAIN_BROKEN if what.startswith(("refuses", "forgets")) else "black"
    if act.to is None:
        axes.text(start + 0.03, y, what, va="center", color=colour, fontsize=9)
        return
    end = lanes.index(act.to)
    arrow = {"arrowstyle": "->", "color": colour}
    axes.annotate("", (end, y), (start, y), arrowprops=arrow)
    axes.text((start + end) / 2, y + 0.12, what, ha="center", color=colour, fontsize=9)
