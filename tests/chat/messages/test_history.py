"""A history is read once, and what cannot be read is named."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlab.chat.messages.codec import Codec
from chatlab.chat.messages.content import KINDS, Content, ToolResultPart
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import CODEC, Message, Role, encode
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart

HI = {"role": "user", "parts": [{"type": "text", "text": "Hi"}]}
IMAGE = {"type": "file", "media_type": "image/png", "data": "aGk="}
STEPS: list[dict[str, Any]] = [
    HI,
    {"role": "system", "parts": "Be brief."},
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "text": "r", "summary": ["s"], "id": "rs_1"},
            {"type": "tool_call", "id": "c", "name": "look", "index": 1},
            {"type": "block", "kind": "web_search_call", "data": {"id": "ws_1"}},
            {"type": "text", "text": "Ho", "annotations": [{"a": 1}]},
        ],
        "response_id": "resp_1",
        "model": "gpt-5",
        "stored": True,
    },
    {"role": "tool", "parts": [{"type": "tool_result", "call_id": "c", "images": [IMAGE]}]},
    {"role": "tool", "parts": [{"type": "tool_result", "call_id": "c", "text": "t"}]},
]
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        1.5,
        "text",
        "user",
        "tool",
        "tool_call",
        "\ud800",
        [],
        ["x"],
        [1],
        {},
        HI,
        IMAGE,
    ]
)
NAMES = st.sampled_from(
    [
        "role",
        "parts",
        "content",
        "text",
        "type",
        "id",
        "index",
        "summary",
        "images",
        "stored",
        "odd",
    ]
)


def places(value: object) -> list[Any]:
    """Every object and list in `value`."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    here = [value] if isinstance(value, dict | list) else []
    return here + [place for one in inner for place in places(one)]


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A message as JSON in which a few values or fields are others."""
    message: dict[str, Any] = deepcopy(draw(st.sampled_from(STEPS)))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from(places(message)))
        if isinstance(place, list):
            place.append(deepcopy(draw(VALUES)))
        elif place and draw(st.booleans()):
            place[draw(st.sampled_from(sorted(place)))] = deepcopy(draw(VALUES))
        elif place and draw(st.booleans()):
            del place[draw(st.sampled_from(sorted(place)))]
        else:
            place[draw(NAMES)] = deepcopy(draw(VALUES))
    return message


def explained(value: dict[str, Any]) -> Message | str:
    """`value` as the reader sees it that looks at each type hint."""
    value = dict(value)
    if "content" in value and "parts" not in value:
        value["parts"] = value.pop("content")
    if isinstance(value.get("parts"), str):
        value["parts"] = [TextPart(value["parts"])]
    try:
        message = Codec(KINDS)._explained(Message, value, "messages[0]")
    except ValueError as error:
        return str(error)
    assert isinstance(message, Message)
    return message


@settings(deadline=None, max_examples=600)
@given(nearly_right())
def test_a_compiled_reader_reads_as_the_one_that_explains(value: dict[str, Any]) -> None:
    """The same messages, the same sentences, whichever of them has read."""
    history = History.read([value])
    expected = explained(value)
    assert list(history) == [expected]
    assert history.problems == ((expected,) if isinstance(expected, str) else ())
    assert history.roles[0] == (None if isinstance(expected, str) else expected.role)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["role"])
def test_compiled_readers_read_what_is_right(step: dict[str, Any]) -> None:
    """They do not leave it to the reader that explains."""
    if isinstance(step["parts"], list):
        assert CODEC.reader(Message).read(step) == History.read([step]).message(0)


def test_a_history_is_read_once() -> None:
    """Reading it again gives the same object, and each message is built once."""
    history = History.read(STEPS)
    assert History.read(history) is history
    assert all(one is other for one, other in zip(history, history, strict=True))
    assert encode(history.messages[:1]) == STEPS[:1]


def test_a_history_is_a_sequence() -> None:
    """With places, slices and a length; `seen` counts what cannot be read, too."""
    history = History.read([HI, {"role": "usr"}, HI])
    assert (len(history), history.seen, len(history.messages)) == (3, 3, 2)
    assert history[0] == history[-1] == history[::2][1] != history[1]
    assert history.roles == [Role.USER, None, Role.USER]
    assert repr(history) == "<History of 3 messages, 1 unreadable>"
    with pytest.raises(ValueError, match=r"messages\[1\]"):
        history.whole()


def test_what_follows_is_no_part_of_the_history() -> None:
    """The stored messages stay as they are."""
    history = History.read([HI])
    longer = history.followed_by([Message("user", "More")])
    assert ([one.text for one in longer.messages], len(history)) == (["Hi", "More"], 1)


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", TextPart("a\ud800b")),
        ("assistant", TextPart("x", annotations=({"url": ["\udc00"]},))),
        ("assistant", ReasoningPart("\ud83d", ("\ud83d",))),
        ("assistant", BlockPart("search", {"a\ud800": {"b": ["\udfff"]}})),
        ("tool", ToolResultPart("c", "\ud800")),
    ],
)
def test_half_a_character_does_not_enter_a_message(role: str, part: Content) -> None:
    """Not from the application and not from JSON; a whole character stays."""
    made = Message(role, part)
    written = json.dumps(encode([made, Message(role)]))
    assert "\\ufffd" in written
    assert not any(half in written for half in ("\\ud8", "\\udc", "\\udf"))
    raw = {"role": role, "parts": [CODEC.dump(part)]}
    assert History.read(json.loads(json.dumps([raw]))).whole() == (made,)
    assert Message("user", "😀").text == "😀"
