"""Events, payloads, exit codes; and that no library is imported to read any of it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import openai
from support.real_calls import FINAL, caught, verdict_of

from chatlab.errors import Failure, classify

if TYPE_CHECKING:
    from support.sockets import Serve


def test_events_payloads_and_records(serve: Serve) -> None:
    """An SSE event, its decoded form, an SDK's event object and a corpus record are observed."""
    data = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    class Event:
        event = "error"
        data = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    failed = openai.types.responses.ResponseErrorEvent(
        type="error", code="rate_limit_exceeded", message="Slow.", sequence_number=1
    )
    assert verdict_of(Event()) == ("overloaded", True)
    assert verdict_of({"event": "error", "data": data}) == ("overloaded", True)
    assert verdict_of(f"event: error\ndata: {data}\n\n") == ("overloaded", True)
    assert verdict_of(f"data: {data}\n\n".encode()) == ("overloaded", True)
    assert verdict_of(failed) == ("rate_limit", True)
    record = {"status": 529, "headers": {"retry-after": "3"}, "body": None, "expected": {}}
    assert verdict_of(record) == ("overloaded", True)
    assert classify(record).retry_after_s == 3.0
    assert verdict_of(Failure(status=529)) == ("overloaded", True)
    assert verdict_of(None) == FINAL


def test_an_exit_code_is_no_status() -> None:
    """Neither that of a program nor that of this one."""
    assert classify(SystemExit(429)).status_code is None
    error = caught(lambda: subprocess.run([sys.executable, "-c", "exit(401)"], check=True))
    assert classify(error).status_code is None


LIBRARIES: Final = (
    *("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "h2", "requests"),
    *("urllib3", "aiohttp", "botocore", "google", "grpc", "pandas", "matplotlib", "IPython"),
)


def test_no_library_is_imported_to_look_at_a_failure() -> None:
    """Classifying, explaining and showing a failure loads none of the libraries that it knows."""
    program = f"""
import sys
from chatlab import classify
error = RuntimeError("openai.RateLimitError: Error code: 429")
error.__cause__ = TimeoutError("timed out")
for thing in (error, {{"error": {{"code": "insufficient_quota"}}}}, "HTTP/1.1 503 X\\nA: b\\n\\n"):
    verdict = classify(thing)
    verdict.explain(), verdict.detail, verdict._repr_html_(), verdict.as_dict()
print(sorted(set(sys.modules) & set({LIBRARIES!r})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
