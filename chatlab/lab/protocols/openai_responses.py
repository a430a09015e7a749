"""OpenAI Responses: the good answer as one JSON object and as numbered events."""

from __future__ import annotations

from typing import Any

from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, event
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids, ToolCall, words

_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
}
"""Request fields that a response repeats, with the values they have when left out."""


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the finished ``response`` object."""
    shell = _shell(request, ids)
    return _finished(shell, success, [item for item, _ in _items(success, ids)])


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the events from ``response.created`` to the terminal one."""
    stream = _Numbered()
    shell = _shell(request, ids)
    stream.add("response.created", response=shell)
    stream.add("response.in_progress", response=shell)
    items = _items(success, ids)
    for index, (item, deltas) in enumerate(items):
        _stream_item(stream, index, item, deltas)
    final = _finished(shell, success, [item for item, _ in items])
    stream.add(f"response.{final['status']}", response=final)
    return stream.pieces


def failed(error: dict[str, Any], request: ReceivedRequest, ids: Ids, number: int) -> BodyPiece:
    """Return the terminal ``response.failed`` event that carries ``error``."""
    reason = {"code": error["code"] or error["type"], "message": error["message"]}
    response = {**_shell(request, ids), "status": "failed", "error": reason}
    return _Numbered(number).add("response.failed", response=response)


class _Numbered:
    """Events in the making, each with the next sequence number."""

    def __init__(self, first: int = 0) -> None:
        self.pieces: list[BodyPiece] = []
        self._next = first

    def add(self, kind: str, **fields: object) -> BodyPiece:
        data = {"type": kind, "sequence_number": self._next, **fields}
        self._next += 1
        self.pieces.append(event(data, kind, content=kind.endswith(".delta")))
        return self.pieces[-1]


def _stream_item(stream: _Numbered, index: int, item: dict[str, Any], deltas: list[str]) -> None:
    """Add the events of one output item: opened, filled delta by delta, closed."""
    at = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        opened = {**item, "status": "in_progress", "arguments": ""}
        stream.add("response.output_item.added", output_index=index, item=opened)
        for text in deltas:
            stream.add("response.function_call_arguments.delta", **at, delta=text)
        stream.add(
            "response.function_call_arguments.done",
            **at,
            name=item["name"],
            arguments=item["arguments"],
        )
    elif item["type"] == "web_search_call":
        opened = {**item, "status": "in_progress"}
        stream.add("response.output_item.added", output_index=index, item=opened)
        for state in ("in_progress", "searching", "completed"):
            stream.add(f"response.web_search_call.{state}", **at)
    elif item["type"] == "reasoning" and not deltas:
        stream.add("response.output_item.added", output_index=index, item=item)
    else:
        slot, part_name, text_name = _PARTS[item["type"]]
        part = item[slot][0]
        key = "refusal" if part["type"] == "refusal" else "text"
        text_name = "refusal" if key == "refusal" else text_name
        extra: dict[str, Any] = {"logprobs": []} if text_name == "output_text" else {}
        at[f"{slot}_index"] = 0
        opened = {**item, slot: [], **({"status": "in_progress"} if "status" in item else {})}
        stream.add("response.output_item.added", output_index=index, item=opened)
        stream.add(f"response.{part_name}.added", **at, part={**part, key: ""})
        for text in deltas:
            stream.add(f"response.{text_name}.delta", **at, delta=text, **extra)
        stream.add(f"response.{text_name}.done", **at, **{key: part[key]}, **extra)
        stream.add(f"response.{part_name}.done", **at, part=part)
    stream.add("response.output_item.done", output_index=index, item=item)


_PARTS = {
    "message": ("content", "content_part", "output_text"),
    "reasoning": ("summary", "reasoning_summary_part", "reasoning_summary_text"),
}


def _items(success: GoodAnswer, ids: Ids) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the output items, each with the texts in which it is streamed."""
    items: list[tuple[dict[str, Any], list[str]]] = []
    if success.reasoning or success.web_search:
        text = success.reasoning
        summary = [{"type": "summary_text", "text": text}] if text else []
        item = {"id": ids.make("rs_"), "type": "reasoning", "summary": summary}
        items.append((item, words(text)))
    if success.web_search:
        items.append((_web_search_call(success.web_search, ids), []))
    if success.said:
        part: dict[str, Any] = {"type": "refusal", "refusal": success.said}
        if success.finish != "refusal":
            part = {"type": "output_text", "text": success.said, "annotations": [], "logprobs": []}
        status = "incomplete" if success.finish == "length" else "completed"
        message = {"id": ids.make("msg_"), "type": "message", "status": status}
        items.append(({**message, "role": "assistant", "content": [part]}, success.pieces()))
    return items + [(_function_call(call, ids), call.pieces()) for call in success.tool_calls]


def _web_search_call(query: str, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.make("ws_"),
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": query},
    }


def _function_call(call: ToolCall, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.make("fc_"),
        "type": "function_call",
        "status": "completed",
        "call_id": call.id or ids.make("call_"),
        "name": call.name,
        "arguments": "".join(call.pieces()),
    }


def _shell(request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the response of ``response.created``."""
    echoed = {key: request.body.get(key, value) for key, value in _ECHOED.items()}
    return {
        "id": ids.make("resp_"),
        "object": "response",
        "created_at": ids.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": request.body.get("model", "fake-model"),
        "output": [],
        "usage": None,
        **echoed,
    }


def _finished(
    shell: dict[str, Any], success: GoodAnswer, output: list[dict[str, Any]]
) -> dict[str, Any]:
    spent = success.usage
    cut = success.finish == "length"
    usage = {
        "input_tokens": spent.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": spent.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent.input_tokens + spent.output_tokens,
    }
    return {
        **shell,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": output,
        "usage": usage,
    }
