"""Messages, what their roles may hold, and their JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlab.chat.messages.content import (
    KINDS,
    Content,
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    ToolResultPart,
)
from chatlab.chat.messages.events import PARTS, Answer
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import HOLDS, Message, Role, encode
from chatlab.chat.messages.parts import BlockPart, Part, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.stream.contracts import Outcome

PNG = FilePart("image/png", data="aGk=")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
MAYBE = st.none() | st.text(max_size=5)
FILES = st.builds(FilePart, st.just("image/png"), data=st.just("aGk="), name=MAYBE) | st.builds(
    FilePart, st.just("application/pdf"), url=st.just("https://x.test/a"), name=MAYBE
)
IMAGES = st.lists(st.just(PNG), max_size=2).map(tuple)
CONTENT: dict[type[Content], st.SearchStrategy[Any]] = {
    TextPart: st.builds(
        TextPart, st.text(), st.booleans(), st.lists(OBJECTS, max_size=2).map(tuple)
    ),
    ReasoningPart: st.builds(
        ReasoningPart,
        *(st.text(), st.lists(st.text(), max_size=2).map(tuple), MAYBE, MAYBE, MAYBE),
    ),
    ToolCallPart: st.builds(
        ToolCallPart,
        *(st.text(), st.text(), st.text(), st.integers(0, 3), MAYBE, st.booleans(), st.booleans()),
    ),
    BlockPart: st.builds(BlockPart, st.text(), OBJECTS),
    ToolResultPart: st.builds(
        ToolResultPart, st.text(), st.text(), IMAGES, st.booleans(), st.booleans()
    ),
    FilePart: FILES,
    FileReferencePart: st.builds(
        FileReferencePart,
        *(st.text(), st.none() | st.integers(1), st.none() | st.integers(1), st.text()),
    ),
    ContextPart: st.builds(ContextPart, st.text(), st.text()),
    MarkerPart: st.builds(MarkerPart, st.text(), OBJECTS),
}


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Any message that can be made."""
    role = draw(st.sampled_from(Role))
    one_part = st.one_of([CONTENT[kind] for kind in HOLDS[role]])
    kept: dict[str, Any] = {
        "response_id": draw(MAYBE),
        "model": draw(MAYBE),
        "stored": draw(st.booleans()),
    }
    return Message(role, draw(st.lists(one_part, max_size=4)), **kept)


@settings(deadline=None)
@given(st.lists(messages(), max_size=4))
def test_a_history_survives_json(history: list[Message]) -> None:
    """What was written as JSON text is read back equal, whatever it holds."""
    text = json.dumps(encode(history))
    assert History.read(json.loads(text)).whole() == tuple(history)


@settings(deadline=None)
@given(st.lists(messages(), max_size=3))
def test_messages_are_read_as_they_are(history: list[Message]) -> None:
    """A message among the objects needs no JSON."""
    assert History.read(history).whole() == tuple(history)


def test_every_part_has_a_name_a_role_and_a_test() -> None:
    """The parts of an answer are parts of a history, under the same names."""
    assert dict(PARTS).items() <= dict(KINDS).items()
    held = {kind for kinds in HOLDS.values() for kind in kinds}
    assert held == set(KINDS.values()) == set(CONTENT)


def test_the_json_is_short_and_says_its_types() -> None:
    """Fields at their default are left out; each part and each image says what it is."""
    history = [
        Message("user", "Hi"),
        Message("assistant", "Ho", response_id="resp_1", model="gpt-5", stored=True),
        Message("tool", ToolResultPart("c", images=(PNG,), is_error=True)),
    ]
    assert encode(history) == [
        {"role": "user", "parts": [{"type": "text", "text": "Hi"}]},
        {
            "role": "assistant",
            "parts": [{"type": "text", "text": "Ho"}],
            "response_id": "resp_1",
            "model": "gpt-5",
            "stored": True,
        },
        {
            "role": "tool",
            "parts": [
                {
                    "type": "tool_result",
                    "call_id": "c",
                    "images": [{"type": "file", "media_type": "image/png", "data": "aGk="}],
                    "is_error": True,
                }
            ],
        },
    ]


@pytest.mark.parametrize(
    "written",
    [
        {"role": "user", "content": "Hi"},
        {"role": "user", "parts": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "parts": [TextPart("Hi")]},
        Message("user", "Hi"),
        Message(role="user", parts=["Hi"]),
        Message("user", TextPart("Hi")),
    ],
)
def test_a_text_can_be_written_in_several_ways(written: object) -> None:
    """A string stands for a text part, and content for parts."""
    assert History.read([written]).whole() == (Message("user", (TextPart("Hi"),)),)


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (
            {"role": "asistant"},
            "messages[1].role: 'asistant' is not known; did you mean 'assistant'?",
        ),
        (
            {"role": "user", "parts": [{"type": "txt", "text": "x"}]},
            "messages[1].parts[0].type: 'txt' is not known; did you mean 'text'?",
        ),
        (
            {"role": "user", "parts": [{"type": "text", "txt": "x"}]},
            "messages[1].parts[0]: the field 'text' is missing; did you mean it by 'txt'?",
        ),
        (
            {"role": "assistant", "respose_id": "r"},
            "messages[1]: field: 'respose_id' is not known; did you mean 'response_id'?",
        ),
        ({"parts": []}, "messages[1]: the field 'role' is missing"),
        ({"role": "user", "parts": 7}, "messages[1].parts: 7 is no list"),
        ({"role": "user", "parts": [7]}, "messages[1].parts[0]: 7 is not an object"),
        ({"role": "assistant", "stored": 1}, "messages[1].stored: 1 is not true or false"),
        ({"role": "assistant", "model": ["m"]}, "messages[1].model: ['m'] is not a text"),
        (
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c", "name": "f", "index": True}],
            },
            "messages[1].parts[0].index: True is not a whole number",
        ),
        ("hello", "messages[1]: 'hello' is not an object"),
        (None, "messages[1]: None is not an object"),
        (
            {"role": "user", "parts": [{"type": "tool_call", "id": "c", "name": "f"}]},
            "messages[1]: parts[0]: a user message cannot hold ToolCallPart; "
            "it holds text, reasoning, file, file_reference, context, marker",
        ),
        (
            {"role": "user", "parts": [{"type": "file", "media_type": "image/png"}]},
            "messages[1].parts[0]: a file has exactly one of data, url, file_id; give one of them",
        ),
        (
            {"role": "user", "parts": [{"type": "file", "media_type": "image/png", "data": "a€"}]},
            "messages[1].parts[0]: data: 'a€' is no base64; encode the bytes",
        ),
        (
            {"role": "user", "parts": [{"type": "file", "media_type": "png", "data": "aGk="}]},
            "messages[1].parts[0]: media_type: 'png' is none; say such as 'image/png'",
        ),
        (
            {
                "role": "tool",
                "parts": [
                    {
                        "type": "tool_result",
                        "call_id": "c",
                        "images": [{"media_type": "text/plain", "data": "aGk="}],
                    }
                ],
            },
            "messages[1].parts[0]: images[0]: text/plain is no picture's media type",
        ),
    ],
)
def test_a_bad_message_is_named(bad: object, complaint: str) -> None:
    """The error says which message, which field, what is wrong, and the near name."""
    with pytest.raises(ValueError, match=r"^messages\[1\]") as error:
        History.read([Message("user", "Hi"), bad]).whole()
    assert str(error.value) == complaint


def test_one_bad_message_does_not_hide_the_others() -> None:
    """Reading leniently gives the sentence in the place of the message."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    found = History.read([{"role": "user", "parts": deep}, Message("user", "Hi"), {"role": "usr"}])
    assert [isinstance(one, Message) for one in found] == [False, True, False]


def test_a_part_where_another_is_asked_for_is_refused() -> None:
    """An image's type says file; another type in its place is a mistake that is named."""
    image = {"type": "text", "media_type": "image/png", "data": "aGk="}
    part = {"type": "tool_result", "call_id": "c", "images": [image]}
    with pytest.raises(ValueError, match=r"images\[0\]\.type: 'text' is not known"):
        History.read([{"role": "tool", "parts": [part]}]).whole()


PARTS_MADE: tuple[Part, ...] = (TextPart("Hi"), TextPart("other", choice=1))


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.FAILED])
@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("response_id", ["resp_1", None])
def test_an_id_is_kept_only_of_a_complete_stored_answer(
    outcome: Outcome, store: bool, response_id: str | None
) -> None:
    """An incomplete, refused or unclear answer leaves nothing to chain to, nor does store off."""
    answer = Answer(outcome, PARTS_MADE, response_id=response_id)
    message = Message.answered(answer, model="gpt-5", store=store)
    kept = outcome is Outcome.COMPLETE and store and response_id is not None
    assert (message.response_id, message.stored) == (response_id if kept else None, kept)
    assert (message.role, message.model, message.text) == (Role.ASSISTANT, "gpt-5", "Hi")


def test_local_and_provider_work_are_told_apart() -> None:
    """Only what the application runs is its business."""
    local, remote = ToolCallPart("a", "f"), ToolCallPart("b", "web_search", by_provider=True)
    assert Message("assistant", (local, remote)).local_calls == (local,)
    mine, theirs = ToolResultPart("a"), ToolResultPart("b", by_provider=True)
    assert Message("tool", (mine, theirs)).local_results == (mine,)
