"""The command ``chatlab replay``: a script played through the real SDK, and shown as it goes.

The turn is played on a virtual clock, then shown at the chosen speed: on a terminal with a status
line that counts the waits down, else as plain lines.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Final, TextIO

from chatlab.chat.messages.events import Answer, Status, TurnEvent, TurnStatus
from chatlab.cli.output import INTERRUPTED, WRONG_USE, complain, shown
from chatlab.cli.provider_option import add_provider_option
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.retry import Clock, SystemClock, duration
from chatlab.text.markup import shortened, visible
from chatlab.views.cards.page import countdown, state_name
from chatlab.views.cards.state import CardState
from chatlab.views.figures.timeline import TimedEvent

FAILED: Final = 1

FRAME_S: Final = 0.1
"""How often the status line is drawn, in seconds of real time."""

PROTOCOLS: Final = ("responses", "chat", "messages")
_TOLD: Final = (
    TurnStatus.STARTING,
    TurnStatus.DELAYED_START,
    TurnStatus.STREAMING,
    TurnStatus.CANCELLED,
)
_CLEAR: Final = "\r\x1b[K"


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``chatlab replay`` its arguments."""
    parser.description = "Play a script of failures through the real SDK and chatlab's turn."
    parser.epilog = "Exit status: 0 the turn gave an answer, 1 it failed, 2 the script is wrong."
    parser.add_argument(
        "script",
        nargs="+",
        metavar="SCRIPT",
        help="a file with a script or a cassette; or steps, one for each attempt, such as "
        "sample:ID, close-at-byte:120, success",
    )
    parser.add_argument("--protocol", choices=PROTOCOLS, help="default: responses")
    add_provider_option(parser, "who answers, where the failures do not tell")
    parser.add_argument("--corpus", metavar="DIR", help="a folder of samples; default: chatlab's")
    parser.add_argument(
        "--speed",
        type=_speed,
        help="seconds of the turn in a second, 0 for all at once; default: 1 on a terminal, else 0",
    )
    parser.add_argument("--jsonl", action="store_true", help="print the events as JSON Lines")
    parser.set_defaults(command=_replay)


def show(
    events: tuple[TimedEvent, ...], out: TextIO, *, clock: Clock, speed: float, live: bool
) -> None:
    """Write what happens to `out`, a line for each change.

    speed: seconds of the turn in a second of `clock`; 0 does not wait. live: the last line of `out`
    shows the state and counts down; it is wiped away at the end.
    """
    state, now = CardState(), 0.0
    try:
        for at_s, event in events:
            while speed and now < at_s:
                step_s = min(at_s - now, FRAME_S * speed)
                clock.sleep(step_s / speed)
                now += step_s
                state.tick(now)
                if live:
                    out.write(_CLEAR + _status_line(state))
                    out.flush()
            state.feed(at_s, event)
            now = max(now, at_s)
            told = _told(state, event)
            if told:
                number = state.attempts[-1].number if state.attempts else 1
                line = f"{duration(round(at_s, 3)):>8}  attempt {number}: {told}\n"
                out.write(_CLEAR + line if live else line)
                out.flush()
    finally:
        if live:
            out.write(_CLEAR)
            out.flush()


def _replay(chosen: argparse.Namespace) -> int:
    from chatlab.corpus import Corpus
    from chatlab.lab import ScriptError

    try:
        from chatlab.lab import replay

        samples = Corpus.load(chosen.corpus) if chosen.corpus else None
        played = replay(
            _source(chosen.script),
            protocol=chosen.protocol,
            samples=samples,
            provider=chosen.provider,
        )
    except (ScriptError, ImportError) as problem:
        complain(problem, "chatlab replay")
        return WRONG_USE
    if chosen.jsonl:
        sys.stdout.write(shown(played.to_jsonl()))
    else:
        live = sys.stdout.isatty()
        speed = chosen.speed if chosen.speed is not None else float(live)
        try:
            show(played.events, sys.stdout, clock=SystemClock(), speed=speed, live=live)
        except KeyboardInterrupt:
            return INTERRUPTED
    if played.problem is not None:
        complain(played.problem, "chatlab replay")
        return WRONG_USE
    return 0 if played.answer is not None else FAILED


def _source(words: list[str]) -> Path | list[str]:
    """The file that is meant, or the steps."""
    only = Path(words[0])
    named = only.suffix == ".json" and not words[0].startswith("cassette:")
    return only if len(words) == 1 and (named or only.is_file()) else words


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 <= speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; give a number from 0, such as 10")
    return speed


def _told(state: CardState, event: TurnEvent) -> str:
    """What `event`, which `state` has taken in, changes; empty if that is told otherwise."""
    if isinstance(event, Status):
        return state_name(event.status) if event.status in _TOLD else ""
    if isinstance(event, Answer):
        return " ".join(filter(None, ("Completed.", state.message, _quoted(event.text))))
    if not isinstance(event, ChatStreamRetry | ChatError):
        return ""
    dropped = state.attempts[-1].text
    said = [f"{event.kind.label}."]
    if isinstance(event, ChatStreamRetry):
        said += [event.error, f"Next attempt in {duration(event.delay_s)}."]
    else:
        said += [event.message]
        said += [f"The provider said: {_quoted(event.detail)}"] if event.detail else []
    said += [f"Dropped: {_quoted(dropped)}"] if dropped else []
    return " ".join(visible(words) for words in said)


def _status_line(state: CardState) -> str:
    """The state in one line that fits the terminal."""
    said = [state_name(state.status)]
    if state.kind is not None:
        said.append(state.kind.label)
    if state.countdown_s is not None and state.announced_s is not None:
        left, announced = countdown(state.countdown_s), duration(state.announced_s)
        said.append(f"next attempt in {left} of {announced}")
    elif state.text:
        said.append(_quoted(state.text[-200:]))
    columns = shutil.get_terminal_size().columns
    return shortened(visible(" · ".join(said)), max(columns - 1, 20))


def _quoted(text: str) -> str:
    """`text` on one line, in quotes."""
    return visible(json.dumps(text, ensure_ascii=False))
