"""The HTML of a turn's card: every text in it is escaped, and reads in order without styles."""

from __future__ import annotations

import math
from typing import Final

from chatlab.chat.messages.events import TurnStatus
from chatlab.errors.payloads import ChatError
from chatlab.errors.reading.who_answered import DISPLAY_NAMES
from chatlab.retry import duration
from chatlab.text.markup import MONOSPACE, MUTED, Html, joined, shortened, table, tag
from chatlab.text.palette import RETRY, STOP, SUCCEEDED, WAITING
from chatlab.views.cards.state import CardState
from chatlab.views.figures.timeline import Result, ShownAttempt, ShownPart

SHOWN_CHARS: Final = 20_000
"""The end of a longer part is shown, so that what comes in is seen."""

DROPPED_CHARS: Final = 120

_COLOURS: Final = {
    TurnStatus.RETRYING: RETRY,
    TurnStatus.COMPLETED: SUCCEEDED,
    TurnStatus.FAILED: STOP,
}
_FATES: Final = {
    Result.RETRIED: "tried again",
    Result.FAILED: "stopped",
    Result.CANCELLED: "cancelled",
    Result.COMMITTED: "committed",
}
_PROSE: Final = "white-space:pre-wrap;overflow-wrap:anywhere"
_LINK: Final = "color:var(--jp-content-link-color,inherit);text-decoration:underline"
_LINE: Final = "line-height:1.5;color:var(--jp-ui-font-color1,inherit)"


def state_name(status: TurnStatus) -> str:
    """A state for people: ``"Delayed start"``."""
    return status.replace("_", " ").capitalize()


def status_html(state: CardState) -> Html:
    """The state, the kind of failure as a label, and what happened; where to see how they are."""
    colour = _COLOURS.get(state.status, WAITING)
    head = [tag("strong", state_name(state.status))]
    head += [tag("span", state.kind.label)] if state.kind else []
    head.append(tag("span", state.title, style=MUTED))
    lines = [tag("div", joined([*head], " · "))]
    if state.message:
        lines.append(tag("div", state.message))
    if isinstance(state.failure, ChatError) and state.failure.detail:
        said = tag("span", state.failure.detail, style=f"{MONOSPACE};{_PROSE}")
        lines.append(tag("div", "The provider said: ", said))
    if state.status_page:
        name = f"Status page of {DISPLAY_NAMES.get(state.provider or '', 'the provider')}"
        where = {"href": state.status_page, "target": "_blank", "rel": "noopener noreferrer"}
        lines.append(tag("div", tag("a", name, style=_LINK, **where)))
    style = f"border-left:5px solid {colour};padding:.1em .7em;{_LINE}"
    return tag("div", *lines, role="status", style=style)


def countdown_html(state: CardState) -> Html:
    """The announced wait running down; empty while no attempt is due."""
    announced_s, left_s = state.announced_s, state.countdown_s
    if announced_s is None or left_s is None:
        return Html("")
    passed = 1 - left_s / announced_s if announced_s else 1.0
    filled = f"width:{passed:.1%};height:4px;background:{RETRY}"
    track = tag("div", tag("div", style=filled), style=f"background:{WAITING}40;margin:.3em 0")
    text = f"Next attempt in {countdown(left_s)} of {duration(announced_s)}"
    return tag("div", tag("div", text, role="timer"), track, style=_LINE)


def countdown(left_s: float) -> str:
    """``"3.2 s"``, ``"4 min 59 s"``; below a minute in tenths, rounded up, so 0 is the end."""
    tenths = math.ceil(round(left_s * 10, 3))
    return f"{tenths / 10:.1f} s" if tenths < 600 else duration(tenths / 10)


def answer_html(state: CardState) -> Html:
    """What stands of the answer and whether it is provisional, or what was just taken back."""
    parts = [_part(part) for part in state.parts]
    if state.taken_back:
        label = "Dropped: this attempt's text does not count"
        parts += [_part(part, taken_back=True) for part in state.taken_back]
    elif parts:
        done = state.answer is not None
        label = "Committed" if done else f"Provisional, attempt {state.attempts[-1].number}"
    else:
        return tag("div", "No text", style=f"{MUTED};line-height:1.5")
    return tag("div", tag("div", label, style=MUTED), *parts, style=_LINE)


def attempts_html(state: CardState) -> Html:
    """A table of the attempts that are over; empty before the first."""
    rows = [_row(attempt) for attempt in state.attempts if attempt.result is not Result.RUNNING]
    if not rows:
        return Html("")
    head = ["attempt", "what happened", "took", "then\xa0waits", "text"]
    return tag("div", table(head, rows), style=f"overflow-x:auto;{_LINE}")


def _row(attempt: ShownAttempt) -> list[str]:
    took_s = 0.0 if attempt.ended_at is None else attempt.ended_at - attempt.began_at
    fate = _FATES[attempt.result]
    happened = f"{attempt.kind.label}, {fate}" if attempt.kind else fate.capitalize()
    waits = duration(attempt.wait_s) if attempt.retry else ""
    text = shortened("".join(part.text for part in attempt.parts), DROPPED_CHARS)
    if attempt.dropped:
        text = tag("del", text, style=MUTED) if text else "nothing shown"
    times = [time.replace(" ", "\xa0") for time in (duration(took_s), waits)]
    return [str(attempt.number), happened, *times, text]


def _part(part: ShownPart, taken_back: bool = False) -> Html:
    names = {"text": "", "refusal": "Refusal", "reasoning": "Reasoning", "tool_call": "Tool call"}
    words = [names.get(part.part, ""), part.name or ""]
    words += [f"(choice {part.choice + 1})"] if part.choice else []
    label = " ".join(word for word in words if word)
    text = part.text if len(part.text) <= SHOWN_CHARS else f"…{part.text[1 - SHOWN_CHARS :]}"
    style = _PROSE if part.part in ("text", "refusal") else f"{_PROSE};{MUTED}"
    if part.part == "tool_call":
        style += f";{MONOSPACE}"
    said = tag("del" if taken_back else "span", text, style=style)
    return tag("div", *([tag("em", label), " "] if label else []), said, style="margin:.2em 0")
