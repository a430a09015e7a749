"""Use each optional library once, by the part of chatlab that needs it."""

import io
import json
import socket
import ssl
from urllib.parse import urlsplit

import anthropic
import tenacity
from prometheus_client import CollectorRegistry, generate_latest

from chatlab import Backoff, Corpus, VirtualClock, classify
from chatlab.chat import Metrics
from chatlab.corpus.adding.har import Har, with_progress
from chatlab.corpus.sanitizer.detector import detected
from chatlab.lab import FakeProvider, replay
from chatlab.retry.strategies import tenacity_kwargs
from chatlab.text.matcher import IS_FAST
from chatlab.views import TurnCard, VerdictExplorer, waits_chart

assert IS_FAST
assert classify("Error code: 429, code insufficient_quota").kind == "usage_limit"
assert detected("nothing secret") == []

replayed = replay(["http-error:503", "success"])
TurnCard(replayed.events).step()
assert VerdictExplorer("HTTP 529").verdict.retryable
assert waits_chart({"default": Backoff()})._repr_png_()
assert len(Corpus.load().to_frame()) > 1000

with FakeProvider(["http-error:429", "success"]) as provider:
    client = anthropic.Anthropic(base_url=provider.base_url, api_key="none", max_retries=0)
    again = tenacity.Retrying(**tenacity_kwargs(Backoff()), sleep=VirtualClock().sleep)
    message = {"role": "user", "content": "Hello"}
    answer = again(client.messages.create, model="m", max_tokens=9, messages=[message])
    assert answer.content

with FakeProvider(["success"], tls=True) as provider:
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", urlsplit(provider.base_url).port)) as plain:
        assert context.wrap_socket(plain).selected_alpn_protocol() == "h2"

request = {"method": "POST", "url": "https://api.openai.com/v1/responses", "headers": []}
response = {"status": 429, "headers": [], "content": {"text": "rate limit reached"}}
entries = [{"request": request, "response": response}]
raw = json.dumps({"log": {"entries": entries}}).encode()
with with_progress(io.BytesIO(raw), "calls.har", len(raw)) as stream:
    assert [classify(call.failure).kind for call in Har(stream, "calls.har")] == ["rate_limit"]

registry = CollectorRegistry()
Metrics(registry=registry)
assert b"chatlab_" in generate_latest(registry)
print("every optional library works")
