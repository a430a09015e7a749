"""What the plain install must do: pure Python, without any extra."""

from importlib.metadata import distributions

from chatlab import Backoff, Corpus, MissingExtra, VirtualClock, classify, run
from chatlab.chat import Store
from chatlab.retry import attempts
from chatlab.text.matcher import IS_FAST

installed = {found.metadata["Name"].lower() for found in distributions()}
assert installed <= {"chatlab", "pip", "setuptools"}, installed
assert not IS_FAST

verdict = classify("Error code: 429 - {'error': {'code': 'insufficient_quota'}}")
assert (verdict.kind, verdict.retryable) == ("usage_limit", False)
assert str(verdict.explain())
assert Corpus.load().check().unexpected == ()

clock = VirtualClock()
failures = [RuntimeError("HTTP 529: overloaded")]


def call() -> str:
    """Fail once."""
    if failures:
        raise failures.pop()
    return "done"


assert run(call, policy=Backoff(), clock=clock) == "done"
assert clock.now() > 0
for attempt in attempts(policy=Backoff(), clock=clock):
    with attempt:
        break
with Store(":memory:"):
    pass

try:
    Corpus.load().to_frame()
except MissingExtra as error:
    said = str(error)
else:
    said = ""
assert "chatlab[lab]" in said
print("the plain install works")
