"""A failing call in a notebook, caught and made a sample: in a process, in a task, in a kernel."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import anthropic
import httpx2
import nbformat
import openai
import pytest
from nbclient import NotebookClient
from support.sockets import Serve, answer, response

from chatlab.corpus import Corpus, SampleError
from chatlab.lab import FakeProvider

KEY = "sk-a-secret-that-must-not-stay-9f3c"


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus.load(tmp_path / "mine", create=True)


def test_a_failing_call_is_kept_and_goes_no_further(corpus: Corpus) -> None:
    """The exception is `error`, the sample has what the SDK's answer had, and it passes."""
    with FakeProvider(["http-error:status=429,error=rate_limit,retry_after_ms=7000"]) as provider:
        client = openai.OpenAI(base_url=provider.openai_base_url, api_key=KEY, max_retries=0)
        with corpus.capture(provider="openai") as caught:
            client.responses.create(model="gpt-5", input="hello")
    assert isinstance(caught.error, openai.RateLimitError)
    proposal = caught.proposal
    assert caught.proposal is proposal
    record = proposal.record
    assert (record["api"], record["vendor"], record["surface"], record["status"]) == (
        "responses",
        "openai (python)",
        "sdk_exception",
        429,
    )
    assert record["source"] == {"program": "openai (python)", "version": openai.__version__}
    assert proposal.expected["retry_after_s"] == 7.0
    added = proposal.write()
    assert added.ok
    assert added.sample.path is not None
    for shown in (repr(caught), caught._repr_html_(), added.sample.path.read_text()):
        assert KEY not in shown
    with pytest.raises(openai.RateLimitError):
        raise caught.error


def test_it_works_around_await(corpus: Corpus) -> None:
    """The same with statement in a coroutine."""

    async def call() -> object:
        with FakeProvider(["reset-before-headers"]) as provider:
            client = anthropic.AsyncAnthropic(
                base_url=provider.anthropic_base_url, api_key=KEY, max_retries=0
            )
            with corpus.capture(provider="anthropic") as caught:
                await client.messages.create(
                    model="claude-any",
                    max_tokens=5,
                    messages=[{"role": "user", "content": "hello"}],
                )
            await client.close()
        return caught

    caught = asyncio.run(call())
    proposal = caught.proposal  # type: ignore[attr-defined]
    assert proposal.record["surface"] == "transport"
    assert proposal.expected["kind"] == "timeout"
    assert proposal.record["api"] == "messages"
    assert proposal.write().ok


def test_a_response_that_raises_nothing_is_handed_over(corpus: Corpus, serve: Serve) -> None:
    """`saw` takes what the call returned; an exception in the block beats it."""
    address = serve(answer(response(529, {"error": {"type": "overloaded_error"}})))
    with corpus.capture() as caught:
        caught.saw(httpx2.get(f"{address.url}/v1/messages"))
    assert caught.error is None
    assert caught.proposal.expected["kind"] == "overloaded"
    assert caught.proposal.record["api"] == "messages"
    with corpus.capture() as caught:
        caught.saw("status 529")
        raise ConnectionRefusedError(111, "Connection refused")
    assert caught.proposal.expected["kind"] == "timeout"


def test_what_ends_a_program_or_a_task_goes_on(corpus: Corpus) -> None:
    """Neither the stop button nor an exit nor a cancellation is swallowed or kept."""
    for ending in (KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()):
        caught = corpus.capture()
        with pytest.raises(type(ending)), caught:
            raise ending
        assert caught.error is None
        assert "nothing failed in the with block" in repr(caught)


def test_reraise_lets_the_exception_through(corpus: Corpus) -> None:
    """For programs: it is kept, and goes on."""
    caught = corpus.capture(reraise=True)
    with pytest.raises(ValueError, match="status 503"), caught:
        raise ValueError("status 503")
    assert caught.proposal.expected["kind"] == "timeout"


def test_a_deadline_keeps_its_verdict(corpus: Corpus) -> None:
    """The cancellation by which a deadline ends what it waits for is not told as a cause."""

    async def late() -> object:
        with corpus.capture() as caught:
            await asyncio.wait_for(asyncio.sleep(1), 0.01)
        return caught

    proposal = asyncio.run(late()).proposal  # type: ignore[attr-defined]
    assert (proposal.verdict.rule, proposal.expected["kind"]) == ("own-deadline", "timeout")
    assert proposal.doubts == ()
    assert "Cancelled" not in str(dict(proposal.record))
    assert proposal.write().ok


def test_used_again_it_forgets(corpus: Corpus) -> None:
    """A second block that fails not, or otherwise, shows nothing of the first."""
    caught = corpus.capture()
    with caught:
        raise ValueError("status 503")
    with caught:
        pass
    assert caught.error is None
    assert repr(caught).startswith("nothing failed")
    with caught:
        raise ValueError("status 529")
    assert caught.proposal.expected["kind"] == "overloaded"


def test_an_attribute_that_ends_the_program_does_not(corpus: Corpus) -> None:
    """Looking at what was caught never ends a kernel; it says so instead."""

    class Hostile(Exception):
        @property
        def response(self) -> object:
            raise SystemExit(9)

    with corpus.capture() as caught:
        raise Hostile("status 429")
    for shown in (repr(caught), caught._repr_html_()):
        assert "Hostile: an attribute of it ends the program" in shown


def test_when_nothing_failed_it_says_so(corpus: Corpus) -> None:
    """Looking at it is no error; asking for the proposal is one, in clear words."""
    with corpus.capture() as caught:
        pass
    assert repr(caught).startswith("nothing failed in the with block")
    assert "nothing failed" in caught._repr_html_()
    with pytest.raises(SampleError, match="nothing failed"):
        _ = caught.proposal


def test_what_cannot_be_a_sample_is_shown_and_not_raised(corpus: Corpus) -> None:
    """A repr never raises: a failure that is too large is told with its class."""
    with corpus.capture() as caught:
        raise ValueError("status 503 " + "x" * 300_000)
    assert repr(caught).startswith("caught ValueError: ")
    assert "too many for a sample" in caught._repr_html_()


ACTIONS = [
    "from chatlab import Corpus",
    "with Corpus.load('mine', create=True).capture(provider='openai') as caught:\n"
    "    client.responses.create(model='gpt-5', input='hello')",
    "caught",
    "caught.proposal.write()",
    "Corpus.load('mine').check()",
]
SETTING = (
    "import openai\n"
    "from chatlab.lab import FakeProvider\n"
    "provider = FakeProvider(['http-error:status=429,error=rate_limit'])\n"
    "provider.start()\n"
    f"client = openai.OpenAI(base_url=provider.openai_base_url, api_key='{KEY}', max_retries=0)"
)


@pytest.mark.slow
def test_from_a_failing_call_to_a_passing_sample_in_five_actions(tmp_path: Path) -> None:
    """In a real kernel, with the real SDK on a real socket, in less than a minute."""
    cells = [nbformat.v4.new_code_cell(source) for source in (SETTING, *ACTIONS)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    begin = time.monotonic()
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert time.monotonic() - begin < 60
    shown = [
        "".join(output["data"]["text/plain"] for output in cell["outputs"] if "data" in output)
        for cell in cells
    ]
    assert shown[3].startswith(
        "sample    openai/429-rate-limit-exceeded\nlabel     rate_limit, retry"
    )
    assert "the check passes" in shown[4]
    assert re.search(r"(?m)^all +1 +100.0%", shown[5])
    (sample,) = Corpus.load(tmp_path / "mine").values()
    assert sample.status == 429
    assert KEY not in nbformat.writes(notebook).replace(SETTING[-60:], "").replace(KEY, "", 1)
