"""A figure of one turn: a row for every attempt, with what it showed and the wait after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Final

from chatlab.chat.messages.events import TurnStatus
from chatlab.retry import Backoff, duration
from chatlab.retry.attempt_loop import DEFAULT_POLICY
from chatlab.retry.schedule import count_of_attempts
from chatlab.text.palette import RETRY, STOP, SUCCEEDED, WAITING
from chatlab.views.figures.figure import Chart, new_axes
from chatlab.views.figures.timeline import Result, ShownAttempt, TimedEvent, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS: Final = 30
ROUNDED_UP_S: Final = 0.001
"""Announced waits are whole milliseconds."""

STEPS_S: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 21_600, 43_200, 86_400),
)
LOOKS: Final = {
    Result.COMMITTED: (SUCCEEDED, "D", "committed"),
    Result.RETRIED: (RETRY, "o", "failed, tried again"),
    Result.FAILED: (STOP, "X", "failed, stopped"),
    Result.CANCELLED: (WAITING, "s", "cancelled"),
    Result.RUNNING: (WAITING, ">", "running"),
}
"""Colour, marker and name of what became of an attempt."""


@dataclass(frozen=True, slots=True)
class _Row:
    """An attempt, when the wait after it ends, and what the provider asked for, if that shows."""

    attempt: ShownAttempt
    next_at: float
    hint_s: float | None

    @property
    def waited_s(self) -> float:
        ended_at = self.attempt.ended_at
        retried = self.attempt.result is Result.RETRIED and ended_at is not None
        return self.next_at - ended_at if retried and ended_at is not None else 0.0


def timeline_chart(
    events: Iterable[TimedEvent], *, policy: Backoff | None = DEFAULT_POLICY
) -> Chart:
    """The attempts of a turn on one axis of time: first content, parts, waits, and the end of each.

    Parameters
    ----------
    events : iterable of (float, TurnEvent)
        Seconds and event, as a viewer recorded them.
    policy : Backoff, optional
        The turn's own, against which a longer wait shows what the provider asked for; None leaves
        that out.

    Raises
    ------
    ValueError
        If no attempt has begun.
    TypeError
        For what is not such a pair.
    MissingExtra
        If matplotlib is not installed.

    Examples
    --------
    >>> from chatlab.lab import replay
    >>> chart = timeline_chart(replay(["http-error:503", "success"]).events)
    >>> chart.sentence.partition(":")[0]
    '2 attempts in 1 s, with waits of 1 s'
    """
    timeline = Timeline.of(events)
    rows = _rows(timeline, policy)
    if not rows:
        raise ValueError("timeline_chart: no attempt has begun; pass the events of a turn that ran")
    began_at = rows[0].attempt.began_at
    total_s = max(timeline.now, rows[-1].next_at) - began_at
    drawn = rows if len(rows) <= MOST_ROWS else [*rows[:20], *rows[-10:]]
    figure, axes = new_axes(width_in=8.0, height_in=1.3 + 0.29 * len(drawn))
    for place, row in enumerate(drawn):
        _draw(axes, place, row, began_at)
        where = axes.get_yaxis_transform()
        axes.text(1.02, place, _label(row), transform=where, va="center", fontsize=8)
    axes.set_yticks(range(len(drawn)), [str(row.attempt.number) for row in drawn])
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set_ylabel("attempt")
    axes.tick_params("y", length=0)
    _time_axis(axes, total_s)
    if len(drawn) < len(rows):
        left_out = f"{len(rows) - len(drawn)} attempts after the 20th are not drawn"
        axes.set_title(left_out, fontsize=9, loc="left")
    _name_the_looks(axes, [row.attempt for row in drawn], any(row.hint_s for row in drawn))
    figure.legend(frameon=False, fontsize=8, ncols=4, loc="outside lower center")
    return Chart(figure, _sentence(rows, timeline.over, total_s))


def _rows(timeline: Timeline, policy: Backoff | None) -> list[_Row]:
    """Every attempt. A hint shows where it made the wait longer than the policy's backoff."""
    rows: list[_Row] = []
    attempts = timeline.attempts
    for attempt, following in zip_longest(attempts, attempts[1:]):
        next_at, hint_s = timeline.now, None
        if following is not None:
            next_at = following.began_at
        elif attempt.ended_at is not None and not timeline.over:
            next_at = attempt.ended_at + attempt.wait_s
        if policy is not None and attempt.retry is not None:
            previous_s = rows[-1].attempt.wait_s if rows else 0.0
            backoff_s = policy.span(max(attempt.number - 1, 0), previous_s or None).high_s
            longer = attempt.wait_s >= backoff_s + ROUNDED_UP_S
            hint_s = attempt.wait_s if longer else None
        rows.append(_Row(attempt, next_at, hint_s))
    return rows


def _draw(axes: Axes, place: int, row: _Row, zero: float) -> None:
    """One row; all times are drawn relative to `zero`."""
    attempt = row.attempt
    color, marker, _ = LOOKS[attempt.result]
    end = (row.next_at if attempt.ended_at is None else attempt.ended_at) - zero
    axes.hlines(place, attempt.began_at - zero, end, color=color, lw=1.5, zorder=1)
    if attempt.result is Result.RETRIED:
        dashes = "-" if row.hint_s is None else ":"
        axes.hlines(place, end, row.next_at - zero, color=WAITING, lw=3, ls=dashes)
    for part in attempt.parts:
        width, left = part.ended_at - part.began_at, part.began_at - zero
        face, hatch = ("white", "////") if attempt.dropped else (color, "")
        axes.barh(place, width, 0.42, left, fc=face, ec=color, hatch=hatch, zorder=2)
    if attempt.first_content_at is not None:
        axes.plot([attempt.first_content_at - zero], [place], "|", color="black", ms=13, mew=1.5)
    axes.plot([end], [place], marker=marker, color=color, ms=7, mec="white", ls="")


def _name_the_looks(axes: Axes, rows: Sequence[ShownAttempt], asked: bool) -> None:
    """A line of the legend for everything that was drawn."""
    if any(one.first_content_at is not None for one in rows):
        axes.plot([], [], "|", color="black", ms=10, mew=1.5, label="first content")
    if any(one.parts and one.dropped for one in rows):
        look = axes.fill_between([], [], facecolor="white", edgecolor="black", hatch="////")
        look.set_label("parts that were dropped")
    if any(one.parts and one.result is Result.COMMITTED for one in rows):
        axes.fill_between([], [], color=SUCCEEDED, label="parts that stand")
    results = {one.result for one in rows}
    for result, (color, marker, name) in LOOKS.items():
        if result in results:
            axes.plot([], [], marker=marker, color=color, ls="", ms=7, label=name)
    if Result.RETRIED in results:
        axes.plot([], [], color=WAITING, lw=3, label="wait")
    if asked:
        axes.plot([], [], color=WAITING, lw=3, ls=":", label="wait that the provider asked for")


def _time_axis(axes: Axes, total_s: float) -> None:
    step_s = next((step for step in STEPS_S if total_s / step <= 8), total_s / 8)
    ticks = [n * step_s for n in range(int(total_s / step_s) + 1)]
    axes.set_xticks(ticks, [duration(tick) for tick in ticks], fontsize=8)
    margin_s = 0.02 * max(total_s, 0.1)
    axes.set_xlim(-margin_s, max(total_s, 0.1) + margin_s)
    axes.set_xlabel("time since the first attempt began")
    axes.grid(axis="x", alpha=0.25)


def _label(row: _Row) -> str:
    """What stands at the end of a row."""
    attempt = row.attempt
    said = [attempt.kind.label] if attempt.kind else []
    if attempt.kind is None and attempt.result is not Result.COMMITTED:
        said = [LOOKS[attempt.result][2]]
    if attempt.result is Result.FAILED and attempt.kind:
        said.append("stopped")
    said.append(_characters([row]))
    if attempt.retry is not None:
        said.append(f"wait {duration(attempt.wait_s)}" + (" as asked" if row.hint_s else ""))
    return ", ".join(said)


def _characters(alike: list[_Row]) -> str:
    """How much attempts that ended the same way have shown, and what became of it."""
    count, first = sum(row.attempt.characters for row in alike), alike[0].attempt
    if first.dropped and not count:
        return "nothing shown"
    fate = "so far" if first.result is Result.RUNNING else "committed"
    return f"{count} character{'' if count == 1 else 's'} {'dropped' if first.dropped else fate}"


def _sentence(rows: list[_Row], over: TurnStatus | None, total_s: float) -> str:
    groups = groupby(rows, key=lambda row: (row.attempt.result, row.attempt.kind))
    said = [_group_in_words(list(alike)) for _, alike in groups]
    if over is TurnStatus.CANCELLED and rows[-1].attempt.result is Result.RETRIED:
        said.append("the wait was cancelled")
    waited_s = sum(row.waited_s for row in rows)
    waits = f", with waits of {duration(waited_s)}" if waited_s else ""
    return f"{count_of_attempts(len(rows))} in {duration(total_s)}{waits}: {'; '.join(said)}."


def _group_in_words(alike: list[_Row]) -> str:
    """A run of attempts of the same kind that ended the same way."""
    first, last = alike[0].attempt, alike[-1].attempt
    who, said = f"attempt {first.number}", _characters(alike)
    if len(alike) > 1:
        who = f"attempts {first.number} to {last.number}"
    if first.result is Result.COMMITTED:
        if first.first_content_at is not None:
            after_s = first.first_content_at - first.began_at
            said = f"first content after {duration(after_s)}, {said}"
        return f"{who} gave the answer ({said})"
    if first.result in (Result.RUNNING, Result.CANCELLED):
        verb = "is" if first.result is Result.RUNNING else "was"
        return f"{who} {verb} {LOOKS[first.result][2]} ({said})"
    if last.retry is not None:
        waits = duration(sum(row.attempt.wait_s for row in alike))
        waits = f"a wait of {waits}" if len(alike) == 1 else f"waits of {waits} in all"
        asked = sum(row.hint_s is not None for row in alike)
        by = ", which the provider asked for" if asked == 1 == len(alike) else ""
        by = f", {asked} of them asked for by the provider" if asked and not by else by
        said = f"{said}, then {waits}{by}"
    met = f"met {first.kind.label}" if first.kind else "failed"
    stopped = " and the turn stopped" if first.result is Result.FAILED else ""
    return f"{who} {met}{stopped} ({said})"
