"""What ends a stream: contracts on events from the official SDKs over a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.chat.stream.contract import Contract, contract_for
from chatlab.chat.stream.contracts import (
    ANTHROPIC,
    CHAT,
    DIFFERENCES,
    PROTOCOLS,
    REASONS,
    RESPONSES,
    SIGNS,
    STEPS,
    Ending,
    Outcome,
    Sign,
    State,
)
from chatlab.chat.stream.guards import DONE
from chatlab.errors import Kind, classify

Event = dict[str, Any]


def _chunk(delta: Event, finish: str | None = None, index: int = 0) -> Event:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": [choice]}


def _response(status: str, **fields: object) -> Event:
    return {"id": "resp_7", "object": "response", "status": status, "output": [], **fields}


def _usage_chunk() -> Event:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    return {**_chunk({}), "choices": [], "usage": usage}


MESSAGE: Event = {
    "id": "msg_7",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "usage": {"input_tokens": 9, "output_tokens": 1},
}
TEXT_AT: Event = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
ITEM: Event = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}

GOOD: dict[str, list[Event]] = {
    ANTHROPIC: [
        {"type": "message_start", "message": MESSAGE},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}}
            for t in ("Two ", "and ", "two.")
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ],
    RESPONSES: [
        {"type": "response.created", "response": _response("in_progress")},
        {"type": "response.in_progress", "response": _response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
        {
            "type": "response.content_part.added",
            **TEXT_AT,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        *(
            {"type": "response.output_text.delta", **TEXT_AT, "delta": t, "logprobs": []}
            for t in ("Two ", "and ", "two.")
        ),
        {"type": "response.output_text.done", **TEXT_AT, "text": "Two and two.", "logprobs": []},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
        {"type": "response.completed", "response": _response("completed")},
    ],
    CHAT: [
        _chunk({"role": "assistant", "content": ""}),
        *(_chunk({"content": text}) for text in ("Two ", "and ", "two.")),
        _chunk({}, "stop"),
        _usage_chunk(),
    ],
}
TERMINAL = {ANTHROPIC: -1, RESPONSES: -1, CHAT: -2}
"""Where in the good stream the event stands that ends the answer."""


def _frames(protocol: str, events: list[Event]) -> list[bytes]:
    named = [(f"event: {one['type']}\n" if "type" in one else "", one) for one in events]
    frames = [f"{name}data: {json.dumps(one)}\n\n".encode() for name, one in named]
    return frames + ([b"data: [DONE]\n\n"] if protocol == CHAT else [])


class Loopback(ThreadingHTTPServer):
    """Answers every request with `body`, under a length that may promise more than it sends."""

    daemon_threads = True
    body = b""
    promised: int | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Loopback

    def do_POST(self) -> None:
        """Read the request away and send the stream."""
        self.rfile.read(int(self.headers["content-length"]))
        body, promised = self.server.body, self.server.promised
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(promised or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = promised is not None

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    """A server on a free port of the loopback interface."""
    with Loopback(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def stream(loopback: Loopback) -> Iterator[Callable[[str, bytes], Iterator[object]]]:
    """Events as the official synchronous SDKs yield them for the bytes of a stream."""
    url = f"http://127.0.0.1:{loopback.server_port}"
    with (
        anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as messages,
        openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0) as other,
    ):

        def start(protocol: str, body: bytes) -> Iterator[object]:
            loopback.body = body
            ask: list[Any] = [{"role": "user", "content": "?"}]
            if protocol == ANTHROPIC:
                yield from messages.messages.create(
                    model="m", max_tokens=9, messages=ask, stream=True
                )
            elif protocol == RESPONSES:
                yield from other.responses.create(model="m", input="?", stream=True)
            else:
                yield from other.chat.completions.create(model="m", messages=ask, stream=True)

        yield start


Stream = Callable[[str, bytes], Iterator[object]]


def _feed(contract: Contract, events: Iterable[object]) -> None:
    for event in events:
        contract.feed(event)


def _ending(
    protocol: str, events: Iterable[object], provider: str | None = None, expected_choices: int = 1
) -> Ending:
    contract = contract_for(protocol, provider, expected_choices=expected_choices)
    _feed(contract, events)
    return contract.end()


def _is_cut(ending: Ending) -> bool:
    verdict = ending.verdict
    return (
        ending.outcome is Outcome.FAILED
        and ending.error is None
        and verdict is not None
        and (verdict.kind, verdict.retryable, verdict.rule) == (Kind.TIMEOUT, True, "stream-cut")
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_good_stream_from_the_sdk_is_complete(protocol: str, stream: Stream) -> None:
    """The events of the synchronous SDK, fed as they are, end in a complete answer."""
    ending = _ending(protocol, stream(protocol, b"".join(_frames(protocol, GOOD[protocol]))))
    assert ending.outcome is Outcome.COMPLETE
    assert ending.reason in ("end_turn", "completed", "stop")
    assert ending.error is None
    assert ending.verdict is None


def test_good_streams_from_the_asynchronous_sdks_are_complete(loopback: Loopback) -> None:
    """The asynchronous SDKs yield the same kinds of events."""

    async def outcomes() -> list[Outcome]:
        url = f"http://127.0.0.1:{loopback.server_port}"
        ask: list[Any] = [{"role": "user", "content": "?"}]
        ended = []
        async with (
            anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as messages,
            openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0) as other,
        ):
            for protocol in PROTOCOLS:
                loopback.body = b"".join(_frames(protocol, GOOD[protocol]))
                events: Any
                if protocol == ANTHROPIC:
                    events = await messages.messages.create(
                        model="m", max_tokens=9, messages=ask, stream=True
                    )
                elif protocol == RESPONSES:
                    events = await other.responses.create(model="m", input="?", stream=True)
                else:
                    events = await other.chat.completions.create(
                        model="m", messages=ask, stream=True
                    )
                ended.append(_ending(protocol, [event async for event in events]).outcome)
        return ended

    assert asyncio.run(outcomes()) == [Outcome.COMPLETE] * 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clean_cut_after_any_event_is_never_complete(protocol: str, stream: Stream) -> None:
    """The SDKs end such a stream silently; before the terminal event it is a retryable timeout."""
    frames = _frames(protocol, GOOD[protocol])
    terminal = len(GOOD[protocol]) + TERMINAL[protocol]
    for kept in range(len(frames) + 1):
        ending = _ending(protocol, stream(protocol, b"".join(frames[:kept])))
        assert (ending.outcome is Outcome.COMPLETE) == (kept > terminal), kept
        assert _is_cut(ending) == (kept <= terminal), kept


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clean_cut_inside_the_terminal_event_is_a_cut(protocol: str, stream: Stream) -> None:
    """Not one byte of the terminal frame may be missing, its closing blank line included."""
    frames = _frames(protocol, GOOD[protocol])
    terminal = len(GOOD[protocol]) + TERMINAL[protocol]
    before, last = b"".join(frames[terminal - 1 : terminal]), frames[terminal]
    for kept in range(len(last)):
        assert _is_cut(_ending(protocol, stream(protocol, before + last[:kept]))), last[:kept]
    assert _ending(protocol, stream(protocol, before + last)).outcome is Outcome.COMPLETE


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_abrupt_end_is_a_cut_before_the_terminal_event_only(
    protocol: str, stream: Stream, loopback: Loopback
) -> None:
    """A connection lost after the end takes nothing away; one lost before it is a timeout."""
    frames = _frames(protocol, GOOD[protocol])
    terminal = len(GOOD[protocol]) + TERMINAL[protocol]
    lost = (openai.APIConnectionError, httpx2.RemoteProtocolError)
    loopback.promised = 100_000
    try:
        for kept in range(terminal + 2):
            contract = contract_for(protocol)
            with pytest.raises(lost):
                _feed(contract, stream(protocol, b"".join(frames[:kept])))
            ending = contract.end(clean=False)
            assert _is_cut(ending) == (kept <= terminal), kept
            assert (ending.outcome is Outcome.COMPLETE) == (kept > terminal), kept
    finally:
        loopback.promised = None


def test_the_sdk_keeps_done_back_and_the_contract_takes_it() -> None:
    """A null finish_reason is a cut, unless [DONE] is fed as it stands on the wire."""
    events: list[Any] = GOOD[CHAT][:-2]
    assert _is_cut(_ending(CHAT, events))
    ending = _ending(CHAT, [*events, DONE])
    assert (ending.outcome, ending.reason) == (Outcome.COMPLETE, None)


def test_done_without_any_answer_is_a_cut() -> None:
    """A stream that has shown nothing at all is not an empty answer."""
    assert _is_cut(_ending(CHAT, [DONE]))
    assert _is_cut(_ending(CHAT, [GOOD[CHAT][0], DONE]))


@pytest.mark.parametrize(
    ("protocol", "reason", "outcome"),
    [
        (ANTHROPIC, "end_turn", Outcome.COMPLETE),
        (ANTHROPIC, "tool_use", Outcome.COMPLETE),
        (ANTHROPIC, "stop_sequence", Outcome.COMPLETE),
        (ANTHROPIC, "max_tokens", Outcome.INCOMPLETE),
        (ANTHROPIC, "pause_turn", Outcome.INCOMPLETE),
        (ANTHROPIC, "model_context_window_exceeded", Outcome.INCOMPLETE),
        (ANTHROPIC, "refusal", Outcome.REFUSED),
        (ANTHROPIC, "a_reason_of_next_year", Outcome.COMPLETE),
        (CHAT, "stop", Outcome.COMPLETE),
        (CHAT, "tool_calls", Outcome.COMPLETE),
        (CHAT, "function_call", Outcome.COMPLETE),
        (CHAT, "length", Outcome.INCOMPLETE),
        (CHAT, "model_length", Outcome.INCOMPLETE),
        (CHAT, "content_filter", Outcome.REFUSED),
        (CHAT, "SAFETY", Outcome.REFUSED),
        (CHAT, "error", Outcome.FAILED),
    ],
)
def test_the_told_reason_decides_the_outcome(
    protocol: str, reason: str, outcome: Outcome, stream: Stream
) -> None:
    """The provider's word is read through the SDK and kept as it was sent."""
    events = json.loads(json.dumps(GOOD[protocol]).replace('"end_turn"', f'"{reason}"'))
    if protocol == CHAT:
        events[-2] = _chunk({}, reason)
    ending = _ending(protocol, stream(protocol, b"".join(_frames(protocol, events))))
    assert (ending.outcome, ending.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("event", "outcome", "reason"),
    [
        ("response.completed", Outcome.COMPLETE, None),
        ("response.incomplete", Outcome.INCOMPLETE, None),
        ("response.incomplete", Outcome.INCOMPLETE, "max_output_tokens"),
        ("response.incomplete", Outcome.INCOMPLETE, "a_reason_of_next_year"),
        ("response.incomplete", Outcome.REFUSED, "content_filter"),
    ],
)
def test_a_response_ends_by_its_terminal_event(
    event: str, outcome: Outcome, reason: str | None, stream: Stream
) -> None:
    """An incomplete response is no error, whatever its details say; a filtered one is a refusal."""
    details = {"reason": reason} if reason else None
    last = {"type": event, "response": _response("in_progress", incomplete_details=details)}
    frames = _frames(RESPONSES, [*GOOD[RESPONSES][:-1], last])
    ending = _ending(RESPONSES, stream(RESPONSES, b"".join(frames)))
    assert ending.outcome is outcome
    assert ending.reason == (reason or ("in_progress" if outcome is Outcome.COMPLETE else None))


def test_a_completed_response_whose_status_says_otherwise_is_not_complete() -> None:
    """Servers that always send response.completed tell the truth in its status."""
    for status, outcome in (("incomplete", Outcome.INCOMPLETE), ("failed", Outcome.FAILED)):
        last = {"type": "response.completed", "response": _response(status)}
        assert _ending(RESPONSES, [*GOOD[RESPONSES][:-1], last]).outcome is outcome


def test_words_of_refusal_make_a_refusal_of_a_complete_answer() -> None:
    """A refusal that is streamed, or only in the finished response, is found in each protocol."""
    streamed = {"type": "response.refusal.delta", **TEXT_AT, "delta": "I cannot"}
    assert _ending(RESPONSES, [streamed, GOOD[RESPONSES][-1]]).outcome is Outcome.REFUSED
    said = {**ITEM, "content": [{"type": "refusal", "refusal": "I cannot"}]}
    whole = {"type": "response.completed", "response": _response("completed", output=[said])}
    assert _ending(RESPONSES, [whole]).outcome is Outcome.REFUSED
    chat = [_chunk({"refusal": "I cannot"}), _chunk({}, "stop")]
    assert _ending(CHAT, chat).outcome is Outcome.REFUSED
    assert (
        _ending(CHAT, [_chunk({"refusal": None}), _chunk({}, "stop")]).outcome is Outcome.COMPLETE
    )


FAILED = {
    "type": "response.failed",
    "response": _response("failed", error={"code": "rate_limit_exceeded", "message": "Slow down"}),
}
FLAT = {"type": "error", "code": "server_error", "message": "It broke", "param": None}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(("last", "kind"), [(FAILED, Kind.RATE_LIMIT), (FLAT, Kind.GENERIC)])
def test_a_failure_that_the_sdk_yields_like_data_is_a_failure(
    last: Event, kind: Kind, stream: Stream
) -> None:
    """response.failed and the flat error event come without an exception and carry their error."""
    frames = _frames(RESPONSES, [*GOOD[RESPONSES][:5], last])
    ending = _ending(RESPONSES, stream(RESPONSES, b"".join(frames)))
    assert ending.outcome is Outcome.FAILED
    assert ending.verdict is None
    verdict = classify(ending.error)
    assert (verdict.kind, verdict.retryable) == (kind, True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_error_in_band_is_kept_for_classify(protocol: str) -> None:
    """Typed or bare, an error among the raw events breaks the stream, and nothing mends it."""
    for error in (OVERLOADED, {"error": OVERLOADED["error"]}):
        contract = contract_for(protocol)
        _feed(contract, [*GOOD[protocol][:3], error, FLAT, *GOOD[protocol]])
        assert contract.state is State.BROKEN
        assert contract.over
        assert contract.error == error == contract.end().error
        assert classify(contract.error).kind is Kind.OVERLOADED


def test_a_reason_that_was_told_before_an_error_is_not_the_ending_s() -> None:
    """Anthropic's stop_reason is null until it is told, and void if an error follows it."""
    contract = contract_for(ANTHROPIC)
    null = {"type": "message_delta", "delta": {"stop_reason": None}}
    for event, state in (
        (GOOD[ANTHROPIC][3], State.STREAMING),
        (null, State.STREAMING),
        (GOOD[ANTHROPIC][-2], State.STOPPED),
        (OVERLOADED, State.BROKEN),
    ):
        assert contract.feed(event) is state
    assert (contract.end().outcome, contract.end().reason) == (Outcome.FAILED, None)


def test_a_failure_without_a_word_gets_a_verdict() -> None:
    """Exactly one of error and verdict is set, so that every failure can be judged."""
    silent = {"type": "response.failed", "response": _response("failed", error=None)}
    resource = _chunk({}, "insufficient_system_resource")
    cancelled = {"type": "response.completed", "response": _response("cancelled")}
    judged = []
    for protocol, event in (
        (RESPONSES, silent),
        (ANTHROPIC, {"type": "error", "sequence_number": 3}),
        (CHAT, resource),
        (CHAT, _chunk({}, "network_error")),
        (RESPONSES, cancelled),
    ):
        ending = _ending(protocol, [event], provider="Open Router")
        assert ending.outcome is Outcome.FAILED
        assert ending.error is None
        assert ending.verdict is not None
        assert ending.verdict.provider == "openrouter"
        judged.append((ending.verdict.kind, ending.verdict.retryable))
    assert judged == [
        (Kind.GENERIC, True),
        (Kind.GENERIC, True),
        (Kind.OVERLOADED, True),
        (Kind.TIMEOUT, True),
        (Kind.GENERIC, False),
    ]


@pytest.mark.parametrize("provider", ["ollama", "Ollama", "gemini", "openai_compat", "vllm"])
def test_a_missing_finish_reason_is_unknown_where_servers_leave_it_out(provider: str) -> None:
    """There a clean end after content proves nothing; an abrupt or an empty one is a cut."""
    events = GOOD[CHAT][:-2]
    assert _ending(CHAT, events, provider=provider).outcome is Outcome.UNKNOWN
    assert _ending(CHAT, GOOD[CHAT], provider=provider).outcome is Outcome.COMPLETE
    assert _is_cut(_ending(CHAT, events[:1], provider=provider))
    contract = contract_for(CHAT, provider)
    _feed(contract, events)
    assert _is_cut(contract.end(clean=False))


@pytest.mark.parametrize("provider", [None, "openai", "azure", "openrouter"])
def test_a_missing_finish_reason_is_a_cut_everywhere_else(provider: str | None) -> None:
    """The protocol as written holds for a provider without a row of its own."""
    assert _is_cut(_ending(CHAT, GOOD[CHAT][:-2], provider=provider))


@pytest.mark.parametrize("protocol", [ANTHROPIC, RESPONSES])
def test_only_chat_completions_has_lenient_servers(protocol: str) -> None:
    """Where the protocol names its terminal event, no provider may leave it out."""
    for provider in ("ollama", "google", "openai-compat"):
        assert _is_cut(_ending(protocol, GOOD[protocol][:-1], provider=provider))


def test_every_choice_needs_its_finish_reason() -> None:
    """With n=2 the first choice's end is not the answer's, seen or not; the worst one counts."""
    first = [_chunk({"content": "a"}), _chunk({}, "stop")]
    second = [_chunk({"content": "b"}, index=1), _chunk({}, "length", index=1)]
    assert _ending(CHAT, first).outcome is Outcome.COMPLETE
    assert _is_cut(_ending(CHAT, first, expected_choices=2))
    for kept in range(1, 4):
        events = [first[0], second[0], first[1], second[1]][:kept]
        assert _is_cut(_ending(CHAT, events))
    assert _is_cut(_ending(CHAT, [*first, second[0]]))
    assert _is_cut(_ending(CHAT, [*first, _chunk({"role": "assistant"}, index=1)]))
    ending = _ending(CHAT, [*first, *second], expected_choices=2)
    assert (ending.outcome, ending.reason) == (Outcome.INCOMPLETE, "length")


def test_an_empty_finish_reason_ends_nothing() -> None:
    """Servers that send "" or "null" on every chunk have not finished."""
    for blank in ("", "null", "None"):
        assert _is_cut(_ending(CHAT, [_chunk({"content": "a"}, blank)]))


def test_what_follows_the_last_finish_reason_takes_nothing_away() -> None:
    """Usage, filter notes and even an error come after a whole answer."""
    for late in (_usage_chunk(), _chunk({}), OVERLOADED, {"error": {"message": "late"}}, DONE):
        ending = _ending(CHAT, [*GOOD[CHAT][:-1], late])
        assert (ending.outcome, ending.error) == (Outcome.COMPLETE, None)


def test_nothing_leads_out_of_an_end() -> None:
    """An ended contract keeps its ending, whatever is fed to it and however often it is asked."""
    contract = contract_for(ANTHROPIC)
    contract.feed(GOOD[ANTHROPIC][3])
    first = contract.end()
    for event in GOOD[ANTHROPIC]:
        assert contract.feed(event) is State.CUT
    assert contract.end() == first == contract.end(clean=False)


def test_an_unknown_protocol_names_the_near_one() -> None:
    """The error says which name is wrong and which was probably meant."""
    with pytest.raises(ValueError, match=r"'anthropic_message'.*did you mean 'anthropic_messages'"):
        contract_for("anthropic_message")
    with pytest.raises(ValueError, match="choose from anthropic_messages, openai_responses"):
        contract_for("")


def test_the_tables_agree_with_each_other() -> None:
    """Every state can be reached, ends lead nowhere, each difference changes a step, once."""
    assert {to for steps in STEPS.values() for to in steps.values()} | {
        row.to for row in DIFFERENCES
    } | {State.WAITING} == set(State)
    assert set(State) - set(STEPS) == {State.ENDED, State.BROKEN, State.CUT, State.UNTOLD}
    assert len({row[:4] for row in DIFFERENCES}) == len(DIFFERENCES)
    for row in DIFFERENCES:
        assert row.protocol in PROTOCOLS
        assert row.state in STEPS
        assert row.because
        assert STEPS[row.state].get(row.sign) is not row.to
    assert {row.sign for row in DIFFERENCES} | set(STEPS[State.WAITING]) == set(Sign)
    assert SIGNS.keys() == PROTOCOLS.keys()
    assert {meaning.outcome for meaning in REASONS.values()} == set(Outcome) - {Outcome.UNKNOWN}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["type", "choices", "delta", "response", "error", "index", "item", "output", "content_block"]
)
TYPES = st.sampled_from(
    [one["type"] for events in GOOD.values() for one in events if "type" in one]
    + ["error", "response.failed", "response.incomplete", "response.refusal.done", DONE]
)
HOSTILE = st.dictionaries(FIELDS, JSON | TYPES, max_size=5) | JSON


@given(st.sampled_from(list(PROTOCOLS)), st.lists(HOSTILE, max_size=6))
def test_no_event_raises(protocol: str, events: list[object]) -> None:
    """Whatever JSON a server sends, the contract has an ending for it."""
    ending = _ending(protocol, events)
    failed = ending.outcome is Outcome.FAILED
    assert ((ending.error is None) != (ending.verdict is None)) == failed


@given(st.sampled_from(list(PROTOCOLS)), st.text(min_size=1), JSON)
def test_an_unknown_event_type_changes_nothing(protocol: str, kind: str, rest: object) -> None:
    """Providers add event types; they are passed over."""
    contract = contract_for(protocol)
    contract.feed(GOOD[protocol][3])
    before = contract.state
    assert contract.feed({"type": f"x.{kind}", "delta": rest, "response": rest}) is before


@given(st.sampled_from(list(PROTOCOLS)), st.data())
def test_no_order_of_other_events_completes_an_answer(protocol: str, data: st.DataObject) -> None:
    """Shuffled, repeated or dropped: without the terminal event there is no complete answer."""
    terminal = GOOD[protocol][TERMINAL[protocol]]
    others = [event for event in GOOD[protocol] if event is not terminal]
    fed = data.draw(st.lists(st.sampled_from(others), max_size=12))
    assert _is_cut(_ending(protocol, fed))
