"""What stands around failures in reports and logs, and says nothing of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import distributions

from chatlab.corpus import Sample

REQUEST = json.dumps(
    {
        "model": "gpt-5",
        "messages": [
            {"role": "user", "content": "My credit balance is too low, what now?"},
            {"role": "user", "content": "Explain the error insufficient_quota and HTTP 401."},
        ],
        "tools": [{"name": "is_overloaded", "description": "Tells of a rate limit exceeded."}],
    }
)

AROUND: dict[str, Callable[[str], str]] = {
    "a reporter's line before": lambda it: f"usage is well within the monthly limit\n{it}",
    "a reporter's paragraph before": lambda it: f"No rate limit is set on this account.\n\n{it}",
    "a reporter's line behind": lambda it: f"{it}\nI tried again after 30 seconds, still broken.",
    "an issue template": lambda it: (
        "**Describe the bug**\nThe agent stops on a long prompt.\n\n"
        f"```\n{it}\n```\n\n"
        "**Expected behavior**\nNo timeout. It should retry.\n- OS: Ubuntu 22.04\n"
    ),
    "headings": lambda it: (
        f"### What happened?\n{it}\n\n### Steps to reproduce\n"
        "1. start the server with --timeout 60\n2. send 5 requests\n"
    ),
    "another component's log": lambda it: (
        '2026-11-20 10:00:00,123 INFO gateway "GET /health HTTP/1.1" 200 in 503 ms\n'
        f"2026-11-20 10:00:01,200 INFO worker pid 429 started\n{it}\n"
        "2026-11-20 10:00:03,000 DEBUG pool timeout is 30"
    ),
    "the request before": lambda it: f"request: {REQUEST}\n{it}",
    "the request behind": lambda it: f"{it}\nrequestBodyValues: {REQUEST}",
    "generation parameters": lambda it: (
        f'{it}\nGenerateParameters {{ inputs: "is the rate limit exceeded?", timeout: None }}'
    ),
}
"""Harmless surroundings by name."""


def as_pasted(sample: Sample) -> str | None:
    """The failure of `sample` as somebody would paste it; None when it has no text."""
    record = sample.record
    exception = record.get("exception")
    if record.get("text"):
        return str(record["text"])
    if isinstance(exception, dict) and exception.get("text"):
        return f"{exception.get('type') or 'Error'}: {exception['text']}"
    body = record.get("body")
    if body is None:
        return None
    shown = body if isinstance(body, str) else json.dumps(body)
    return f"Error code: {record['status']} - {shown}" if record.get("status") else shown


def paragraphs_of_packages() -> Iterator[str]:
    """Paragraphs of what the installed packages say of themselves, in the order of their names."""
    known = sorted(distributions(), key=lambda one: str(one.metadata["Name"]).casefold())
    for package in known:
        described = (package.read_text("METADATA") or "").partition("\n\n")[2]
        for paragraph in described.split("\n\n"):
            if 60 < len(paragraph.strip()) < 1_500:
                yield paragraph.strip()
