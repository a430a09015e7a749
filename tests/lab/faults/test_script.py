"""Tests of scripts: how they are written, and in what order they are played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatlab.lab import (
    GoodAnswer,
    SampleStep,
    Script,
    ScriptError,
    TokenUsage,
    ToolCall,
    parse_step,
)
from chatlab.lab.faults.script import Player, ScriptLike
from chatlab.lab.faults.vocabulary import CloseAtByte, HtmlPage, SlowDrip
from chatlab.lab.protocols.good_answer import Ids, words

TOOL = ToolCall("look_up", {"city": "Zürich", "days": 3})


def test_the_same_script_can_be_written_as_objects_text_and_json() -> None:
    """Steps as objects, as short text, as JSON and as JSON text are the same script."""
    steps = (SampleStep("openai/429-tpm", 2), CloseAtByte(9), GoodAnswer("Hi"))
    script = Script(steps, after="success", seed=7)
    text = ["sample:openai/429-tpm,after_event=2", "close-at-byte:9", "success:Hi"]
    record: dict[str, Any] = {"steps": text, "after": "success", "seed": 7}
    assert Script.parse(script) is script
    assert Script.parse(record) == script
    assert Script.parse(json.dumps(record)) == script
    assert Script.parse(list(steps)) == Script.parse(text) == Script(steps)
    assert Script.parse(json.dumps(text)) == Script(steps)
    assert Script.parse("close-at-byte:9") == Script.parse(CloseAtByte(9))
    assert Script.parse({"step": "close-at-byte", "byte": 9}) == Script((CloseAtByte(9),))


def test_a_script_survives_its_own_json() -> None:
    """`to_json` loses nothing that `parse` reads."""
    good = GoodAnswer(
        chunks=("a", ", b"),
        reasoning="why",
        tool_calls=(TOOL,),
        usage=TokenUsage(1, 2),
        finish="length",
    )
    script = Script(
        (good, SlowDrip(3, 0.5), SampleStep("a/b")), after="success", success=good, seed=3
    )
    written = json.loads(json.dumps(script.to_json()))
    assert Script.parse(written) == script
    assert written["steps"][1:] == ["slow-drip:3,every_s=0.5", "sample:a/b"]


def test_a_success_may_say_text_with_commas_and_colons() -> None:
    """Only a comma before ``key=`` separates."""
    step = parse_step("success:Yes: one, two,chunk_every_s=0.5")
    assert step == GoodAnswer("Yes: one, two", chunk_every_s=0.5)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ([], 'no steps; give one, or after="success"'),
        (["success", "html-pge"], 'step 2: unknown step or fault "html-pge"; did you mean'),
        (["success", 3], "step 2: 3 is not a step"),
        ({"steps": "success"}, "steps is 'success'; it must be a list"),
        ({"steps": ["success"], "aftr": "success"}, 'no field "aftr"; did you mean "after"?'),
        ({"steps": ["success"], "after": "sucess"}, 'did you mean "success"?'),
        ({"steps": ["success"], "seed": "x"}, "seed is 'x'; it must be of type int"),
        ({"steps": [{"step": "success", "usage": {"input": 1}}]}, 'no field "input"'),
        ({"steps": [{"step": "success", "usage": {"input_tokens": -1}}]}, "input_tokens is -1"),
        ({"steps": [{"step": "success", "tool_calls": [{}]}]}, "tool_calls[0]: name is missing"),
        ({"steps": [{"step": "success", "chunks": ["a", 1]}]}, "chunks[1] is 1"),
        ({"steps": [{"step": "success", "text": "ab", "chunks": ["a"]}]}, "do not add up"),
        (["success:finish=stopp"], 'did you mean "stop"?'),
        (["sample:x,after_event=-1"], "sample: after_event is -1"),
        ('{"steps": [', "not valid JSON"),
    ],
)
def test_a_mistake_in_a_script_is_told_with_its_place(source: ScriptLike, expected: str) -> None:
    """The text names the step, the field and the way out."""
    with pytest.raises(ScriptError) as problem:
        Script.parse(source)
    assert expected in str(problem.value)


def test_a_script_file_is_read_and_its_mistakes_begin_with_its_name(tmp_path: Path) -> None:
    """`read` takes JSON only, and says which file is wrong."""
    path = tmp_path / "outage.json"
    path.write_text('["html-page:503", "success"]', encoding="utf-8")
    assert Script.read(path) == Script((HtmlPage(503), GoodAnswer()))
    path.write_text("success", encoding="utf-8")
    with pytest.raises(ScriptError, match=r"outage\.json: script: the text is not valid JSON"):
        Script.read(path)
    path.write_bytes(b'["\xff"]')
    with pytest.raises(ScriptError, match=r"outage\.json: 'utf-8' codec"):
        Script.read(path)


def test_steps_are_used_in_order_and_then_the_script_says_that_it_ended() -> None:
    """After the last step there is none, and the text counts steps and attempts."""
    player = Player(Script((HtmlPage(), GoodAnswer())))
    assert player.upcoming() == HtmlPage()
    assert [player.take() for _ in range(3)] == [(0, HtmlPage()), (1, GoodAnswer()), (2, None)]
    assert player.attempts == 3
    assert "2 steps and this is attempt 3" in player.ended(2)


def test_after_success_the_good_answer_goes_on_for_ever() -> None:
    """With ``after="success"`` every further attempt gets the script's good answer."""
    player = Player(Script((HtmlPage(),), after="success", success=GoodAnswer("on")))
    assert [player.take()[1] for _ in range(4)] == [HtmlPage(), *[GoodAnswer("on")] * 3]


def test_text_is_cut_into_words_without_losing_a_character() -> None:
    """Pieces joined are the text, whatever its white space."""
    for text in ("", "a", " a  b\n\nc ", "\n", " \n", "ä€𝄞 x"):
        assert "".join(words(text)) == text
    assert words("The answer is 42.") == ["The", " answer", " is", " 42."]


def test_a_success_says_something_unless_it_only_calls_tools() -> None:
    """The text may be left out; with tool calls it is then empty."""
    assert GoodAnswer().said
    assert GoodAnswer(tool_calls=(TOOL,)).said == ""
    assert GoodAnswer(chunks=("a", "b")).said == "ab"
    assert json.loads("".join(TOOL.pieces())) == TOOL.arguments


def test_ids_and_times_come_from_the_seed_and_the_attempt_alone() -> None:
    """The same seed and attempt give the same ids; another seed or attempt gives others."""

    def made(seed: int, attempt: int) -> list[Any]:
        ids = Ids(seed, attempt)
        return [ids.created, ids.make("msg_"), ids.make("msg_"), ids.make("call_")]

    assert made(1, 0) == made(1, 0)
    every = [*made(1, 0), *made(1, 1), *made(2, 0)]
    assert len(set(every)) == len(every)
