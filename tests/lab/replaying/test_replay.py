"""Replays through the official SDKs and the fake provider, and the command that shows them."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chatlab.lab
from chatlab.chat.messages.events import MessagePart, Status, TurnEvent, decode
from chatlab.cli.output import WRONG_USE
from chatlab.cli.replay_command import FAILED, describe, show
from chatlab.corpus import Corpus
from chatlab.errors import Kind
from chatlab.lab import Cassette, Replay, ScriptError, areplay, replay
from chatlab.lab.replaying.driver import REQUESTS
from chatlab.retry import Backoff, SystemClock, VirtualClock
from chatlab.views.figures.timeline import Timeline

pytestmark = pytest.mark.slow

CASSETTES = Path(__file__).parents[1] / "cassettes" / "recorded"
CORPUS = Corpus.load()
FIRST = "clients/captured-go-http-status-429"
SECOND = "anthropic/aisdk-type-validation-overloaded-1"
SCRIPT: dict[str, Any] = {
    "steps": [f"sample:{FIRST}", f"sample:{SECOND},after_event=6"],
    "after": "success",
    "success": {"text": "The answer to everything is 42."},
}
ANTHROPIC: dict[str, Any] = {"protocol": "messages", "samples": CORPUS, "provider": "anthropic"}
each_protocol = pytest.mark.parametrize("protocol", REQUESTS)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """After each test no thread of a provider or of a reader is left."""
    before = set(threading.enumerate())
    yield
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def story(played: Replay) -> list[str]:
    """The events in a word each, without the pieces."""
    return [
        f"{line.event} {line.kind or line.said}"
        for line in played.log
        if line.event not in ("message_part", "message")
    ]


def test_the_first_two_attempts_meet_samples_and_the_third_answers() -> None:
    """Every event has its time, the announced waits are slept, and the requests are kept."""
    clock = VirtualClock()
    played = replay(SCRIPT, clock=clock, **ANTHROPIC)
    assert story(played) == [
        *("status starting", "retry Rate limit", "status retrying"),
        *("status starting", "status streaming", "retry Overloaded", "status retrying"),
        *("status starting", "status streaming", "status completed"),
    ]
    assert [one.text for one in Timeline.of(played.events).attempts] == [
        *("", "The answer to", "The answer to everything is 42.")
    ]
    assert clock.slept_s == (7, 2)
    assert [line.wait_s for line in played.log if line.event == "retry"] == [7, 2]
    assert [at_s for at_s, event in played.events if event == Status("starting", 3)] == [9]
    assert [one.met for one in played.requests] == [*SCRIPT["steps"], "success"]
    assert played.discarded.attempts == 2
    assert (played.failure, played.error, played.gave_up, played.problem) == (None,) * 4
    assert (
        repr(played)
        == "Replay: answered after 3 attempts and 9 s: 'The answer to everything is 42.'"
    )


def test_a_hundred_runs_give_the_same_log_byte_for_byte() -> None:
    """Through the synchronous and the asynchronous client, on real sockets."""
    logs = {replay(SCRIPT, **ANTHROPIC).to_jsonl() for _ in range(50)}
    for _ in range(50):
        logs.add(asyncio.run(areplay(SCRIPT, **ANTHROPIC)).to_jsonl())
    assert len(logs) == 1
    events = [json.loads(line) for line in logs.pop().splitlines()]
    assert [(one.pop("at_s"), decode(one)) for one in events] == list(
        replay(SCRIPT, **ANTHROPIC).events
    )


def test_the_system_clock_gives_the_same_kinds_in_the_same_order() -> None:
    """Only the times differ: delays of the provider are real there."""
    slow = {**SCRIPT, "steps": ["http-error:503", SCRIPT["steps"][1]]}
    slow["success"] = {**SCRIPT["success"], "chunk_every_s": 0.02}
    policy = Backoff(initial_s=0.01)
    virtual = replay(slow, policy=policy, **ANTHROPIC)
    real = replay(slow, policy=policy, clock=SystemClock(), **ANTHROPIC)
    assert story(real) == story(virtual)
    assert virtual.events[-1][0] == pytest.approx(0.03)
    assert real.events[-1][0] >= 0.03 + 5 * 0.02


@each_protocol
def test_every_protocol_is_spoken_by_its_own_sdk(protocol: str) -> None:
    """A cut stream is retried, and what it showed is dropped, over HTTP/1.1 and HTTP/2."""
    for cut, version in (("close-at-byte:900", "1.1"), ("rst-stream:after_event=5", "2")):
        played = replay([cut, "success"], protocol=protocol)
        first, second = Timeline.of(played.events).attempts
        assert (first.kind, first.dropped, second.text) == (Kind.TIMEOUT, True, "The answer is 42.")
        assert {one.http_version for one in played.requests} == {version}


@each_protocol
def test_a_recorded_stream_is_played_in_the_protocol_it_was_recorded_with(protocol: str) -> None:
    """From the file alone, or as one step among others."""
    names = {"responses": "responses", "chat": "chat-completions", "messages": "messages"}
    file = CASSETTES / f"{names[protocol]}.json"
    alone = replay(file)
    among = replay(["http-error:503", f"cassette:{file}"])
    assert alone.answer is not None
    assert among.answer == alone.answer
    assert (alone.attempts, among.attempts) == (1, 2)
    assert alone.requests[0].path.endswith(among.requests[1].path)


def test_a_file_may_hold_a_script(tmp_path: Path) -> None:
    """The same as the script itself; a wrong name is told with the near one."""
    file = tmp_path / "overload.json"
    file.write_text(json.dumps(SCRIPT))
    assert replay(file, **ANTHROPIC).to_jsonl() == replay(SCRIPT, **ANTHROPIC).to_jsonl()
    with pytest.raises(ScriptError, match=r'no such file; did you mean "overload\.json"\?'):
        replay(tmp_path / "overlaod.json")


def test_a_guard_of_the_turn_moves_the_virtual_clock() -> None:
    """Nothing comes: the start is late after 15 s, and given up for this attempt as told."""
    played = replay(["stall-before-content", "success"], startup_s=20)
    told = [(line.at_s, line.said or line.kind) for line in played.log if line.attempt == 1]
    assert told[:2] == [(0, "starting"), (15, "delayed_start")]
    assert (told[2][0], played.events[-1][0]) == (20, 21)
    assert played.answer is not None


def test_a_turn_that_fails_is_a_result() -> None:
    """With the exception that the turn raised, and why it was not retried any more."""
    refused = replay(["http-error:401"])
    assert refused.failure is not None
    assert (refused.failure.kind, refused.answer, refused.attempts) == (Kind.AUTH, None, 1)
    assert type(refused.error).__name__ == "AuthenticationError"
    assert refused.problem is None
    assert repr(refused).startswith("Replay: failed after 1 attempt and 0 s: The AI provider ")
    later = replay(["http-error:429,retry_after=3600"])
    assert later.gave_up is not None
    assert later.gave_up.resets_in_s == 3600


def test_a_script_that_ends_before_the_retries_do_says_so() -> None:
    """It is the script's problem, not the provider's failure."""
    assert replay(["http-error:503"]).problem == (
        "the script has 1 step and this is attempt 2: it ended before the retries did; add steps, "
        'or set after="success"'
    )


@pytest.mark.parametrize(
    ("script", "options", "told"),
    [
        (["slow-drp"], {}, 'unknown step or fault "slow-drp"; did you mean "slow-drip"?'),
        ([f"sample:{FIRST}0"], {}, f'unknown sample "{FIRST}0"; did you mean "{FIRST}"?'),
        (["success"], {"protocol": "mesages"}, '"mesages"; did you mean "messages"?'),
        (["success"], {"protocol": "grpc"}, '"grpc"; choose one of responses, chat, messages'),
        ([], {}, 'no steps; give one, or after="success"'),
    ],
)
def test_a_script_that_cannot_be_played_says_what_is_near(
    script: list[str], options: dict[str, Any], told: str
) -> None:
    """Before anything is opened, with the shipped corpus as the place of samples."""
    with pytest.raises(ScriptError) as raised:
        replay(script, **options)
    assert told in str(raised.value)


def test_a_step_that_does_not_fit_the_protocol_says_so() -> None:
    """The attempt meets no failure of a provider, and nothing is retried."""
    played = replay(["response-failed", "success"], protocol="messages")
    assert played.problem == "response-failed happens only on /v1/responses, not on /v1/messages"
    assert played.attempts == 1


def test_an_empty_cassette_is_named(tmp_path: Path) -> None:
    """There is nothing to play in it."""
    file = tmp_path / "nothing.json"
    Cassette().save(file)
    with pytest.raises(ScriptError, match=r"nothing\.json: the cassette is empty"):
        replay(file)


def test_a_callback_is_told_every_event_and_cannot_break_the_replay() -> None:
    """What it raises is logged; the events are kept all the same."""
    seen: list[TurnEvent] = []

    def fail(event: TurnEvent) -> None:
        seen.append(event)
        raise RuntimeError("of the viewer")

    played = replay(["http-error:503", "success"], on_event=fail)
    assert seen == [event for _, event in played.events]
    assert played.answer is not None


def test_cancelling_an_asynchronous_replay_leaves_nothing_running() -> None:
    """The cancellation propagates, and the provider is closed."""

    async def cancelled() -> None:
        task = asyncio.create_task(areplay(["stall-before-headers"], clock=SystemClock()))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancelled())


def test_replay_is_the_function_whatever_was_imported_before() -> None:
    """No module of the laboratory hides it."""
    assert chatlab.lab.replay is replay
    assert {"replay", "areplay", "Replay", "LogLine"} <= set(chatlab.lab.__all__)


def run(*arguments: str) -> int:
    """What ``chatlab replay`` with these arguments exits with."""
    parser = argparse.ArgumentParser()
    describe(parser.add_subparsers(required=True).add_parser("replay"))
    chosen = parser.parse_args(["replay", *arguments])
    status: int = chosen.command(chosen)
    return status


def test_the_command_prints_plain_lines_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each change, at once, with the dropped text named as dropped."""
    steps = [f"sample:{FIRST}", f"sample:{SECOND},after_event=6", "success"]
    assert run(*steps, "--protocol", "messages", "--provider", "anthropic") == 0
    assert capsys.readouterr().out == (
        "     0 s  attempt 1: Starting\n"
        "     0 s  attempt 1: Rate limit. Anthropic is limiting the rate of requests. "
        "Next attempt in 7 s.\n"
        "     7 s  attempt 2: Starting\n"
        "     7 s  attempt 2: Streaming\n"
        "     7 s  attempt 2: Overloaded. Anthropic is temporarily overloaded. "
        'Next attempt in 2 s. Dropped: "The answer is"\n'
        "     9 s  attempt 3: Starting\n"
        "     9 s  attempt 3: Streaming\n"
        '     9 s  attempt 3: Completed. "The answer is 42."\n'
    )


def test_the_command_prints_the_events_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The same lines as the replay's own."""
    assert run("http-error:503", "success", "--jsonl") == 0
    assert capsys.readouterr().out == replay(["http-error:503", "success"]).to_jsonl()


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["http-error:401"], FAILED, ""),
        (["slow-drp"], WRONG_USE, 'did you mean "slow-drip"?'),
        (["http-error:503"], WRONG_USE, "it ended before the retries did"),
        ([str(CASSETTES / "mesages.json")], WRONG_USE, 'did you mean "messages.json"?'),
        ([f"cassette:{CASSETTES / 'responses.json'}"], 0, ""),
        ([str(CASSETTES / "messages.json")], 0, ""),
    ],
)
def test_the_exit_status_tells_an_answer_from_a_failure_from_a_wrong_script(
    arguments: list[str], status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is wrong stands in one line on standard error."""
    assert run(*arguments) == status
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == (1 if told else 0)


@pytest.mark.parametrize("speed", ["fast", "-1", "nan", "inf"])
def test_a_speed_that_is_none_is_wrong_use(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names what was given and what fits."""
    with pytest.raises(SystemExit, match="2"):
        run("success", f"--speed={speed}")
    assert f"'{speed}' is no speed; give a number from 0" in capsys.readouterr().err


def test_the_status_line_counts_the_wait_down_at_the_chosen_speed() -> None:
    """Ten seconds of the turn in one; the line is wiped away at the end."""
    events, clock, out = replay(SCRIPT, **ANTHROPIC).events, VirtualClock(), io.StringIO()
    show(events, out, clock=clock, speed=10, live=True)
    assert clock.now() == pytest.approx(0.9)
    frames = out.getvalue().split("\r\x1b[K")
    assert "Retrying · Rate limit · next attempt in 6.0 s of 7 s" in frames
    assert "Retrying · Overloaded · next attempt in 1.0 s of 2 s" in frames
    assert max(len(frame) for frame in frames if "\n" not in frame) < 80
    assert frames[-1] == ""


def test_an_interrupted_show_leaves_a_clean_line() -> None:
    """Ctrl-C in a wait propagates, and the status line is gone."""

    class Interrupted(VirtualClock):
        def sleep(self, delay_s: float) -> None:
            super().sleep(delay_s)
            if self.now() > 0.5:
                raise KeyboardInterrupt

    events, out = replay(SCRIPT, **ANTHROPIC).events, io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        show(events, out, clock=Interrupted(), speed=1, live=True)
    assert out.getvalue().endswith("next attempt in 6.5 s of 7 s\r\x1b[K")


def test_hostile_text_reaches_the_terminal_spelled_out() -> None:
    """No control sequence of the provider's is written, in no place of the output."""
    text = "\x1b[2Jgone\x07\u202e"
    script = {"steps": ["in-band-error"], "after": "success", "success": {"chunks": [text, "!"]}}
    out = io.StringIO()
    show(replay(script).events, out, clock=VirtualClock(), speed=1, live=False)
    assert "\\u001b[2Jgone\\u0007\\u202e" in out.getvalue()
    assert not set(out.getvalue()) & {"\x1b", "\x07", "\u202e"}


PROGRAM = """
import argparse, sys
from chatlab.cli.replay_command import describe
parser = argparse.ArgumentParser()
describe(parser.add_subparsers(required=True).add_parser("replay"))
chosen = parser.parse_args()
sys.exit(chosen.command(chosen))
"""


def test_on_a_terminal_the_wait_is_counted_down_live() -> None:
    """A real pseudo-terminal gets frames of a countdown, a pipe does not."""
    command = [sys.executable, "-c", PROGRAM, "replay", "http-error:503", "success", "--speed=4"]
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdout=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # the other side is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert shown.decode().count("next attempt in 0.") >= 2
    piped = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert "\x1b" not in piped
    assert piped.count("\n") == 5


def test_pieces_are_events_of_their_own() -> None:
    """What is shown word by word is recorded word by word."""
    played = replay({"after": "success", "success": {"chunks": ["a ", "b"]}})
    parts = [event.piece.text for _, event in played.events if isinstance(event, MessagePart)]
    assert parts == ["a ", "b"]
