"""The form: what is pasted, what is proposed, what a person decides, what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.planted_secrets import KEYS, Draw

from chatlab.corpus import Corpus, SampleError
from chatlab.views.forms.corpus_form import CorpusForm

KEY = KEYS["anthropic key"](Draw(41))[0]
PASTED = f"2026-01-05 ERROR status 429 for key {KEY} <img src=x onerror=alert(1)>"


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus.load(tmp_path / "mine", create=True)


def controls(form: CorpusForm) -> list[object]:
    """Every widget of the form."""
    found: list[object] = []
    waiting: list[object] = [form]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += getattr(one, "children", ())
    return found


def state(form: CorpusForm) -> str:
    """All that a notebook saves of the form."""
    return json.dumps([one.get_state() for one in controls(form)], default=str)  # type: ignore[attr-defined]


def test_pasting_proposes_and_the_button_writes(corpus: Corpus, tmp_path: Path) -> None:
    """A paste, a provider, a click; the result stands below, and a second click does no harm."""
    form = CorpusForm(corpus=corpus)
    assert form.proposal is None
    proposal = form.paste(PASTED)
    assert proposal is not None
    assert proposal.expected["kind"] == "rate_limit"
    form.decide(provider="anthropic")
    button = next(one for one in controls(form) if getattr(one, "description", "") == "Write")
    assert not (tmp_path / "mine").exists()
    button.click()  # type: ignore[attr-defined]
    assert form.added is not None
    assert form.added.ok
    assert form.added.sample.id == "anthropic/429-rate-limit"
    assert "the check passes" in state(form)
    assert form.write() is None
    assert "already here" in state(form)
    assert len(Corpus.load(tmp_path / "mine")) == 1


def test_what_was_sent_does_not_stay_in_the_box(corpus: Corpus) -> None:
    """An entry of a HAR is refused, and the notebook saves nothing of it."""
    form = CorpusForm(corpus=corpus)
    sent = {"postData": {"text": "my diary of the fourth of July"}}
    assert form.paste(json.dumps({"request": sent, "response": {"status": 500}})) is None
    assert "this is a HAR entry" in state(form)
    assert "my diary" not in state(form)
    assert form.paste("status 503") is not None


def test_what_nothing_knows_is_added_with_a_tick(corpus: Corpus) -> None:
    """The doubt shows the box beside the button; choosing a kind settles it."""
    form = CorpusForm(corpus=corpus)
    form.paste("the flux capacitor is empty")
    assert form.write() is None
    assert "no rule and no sample matches it" in state(form)
    proposal = form.decide(kind="overloaded")
    assert proposal is not None
    assert proposal.doubts == ()


def test_the_notebook_saves_no_secret_and_no_markup_of_the_payload(corpus: Corpus) -> None:
    """What was pasted is replaced by what is kept; payloads are escaped."""
    form = CorpusForm(corpus=corpus)
    form.paste(PASTED)
    saved = state(form)
    assert KEY[12:] not in saved
    assert "sk-ant-api03-REDACTED" in saved
    pictures = "".join(one.value for one in controls(form) if type(one).__name__ == "HTML")  # type: ignore[attr-defined]
    assert "&lt;img" in pictures
    assert "<img" not in pictures


def test_editing_the_cleaned_text_still_tells_what_was_taken_out(corpus: Corpus) -> None:
    """The redactions of the first paste stay listed when the text is edited afterwards."""
    form = CorpusForm(corpus=corpus)
    first = form.paste(PASTED)
    assert first is not None
    cleaned = first.record["text"]
    second = form.paste(f"{cleaned}\nand then it stopped")
    assert second is not None
    assert second.record["redactions"] == first.record["redactions"]
    assert second.removed == first.removed
    third = form.paste("status 503")
    assert third is not None
    assert third.removed == ()


def test_fields_are_what_a_person_decides(corpus: Corpus) -> None:
    """A kind brings its retry decision; numbers, reason and id are taken; the check is foretold."""
    form = CorpusForm("the flux capacitor is empty", corpus)
    decided = form.decide(
        kind="overloaded", status_code="529", retry_after_s="2.5", why="it says so", id="flux"
    )
    assert decided is not None
    assert decided.id == "unknown/flux"
    assert dict(decided.expected) == {
        "kind": "overloaded",
        "retryable": True,
        "provider": None,
        "status_code": 529,
        "retry_after_s": 2.5,
        "chain_broken": False,
    }
    assert "the check will fail" in state(form)
    form.decide(known_miss="No rule knows this machine yet.")
    added = form.write()
    assert added is not None
    assert added.ok


def test_a_wrong_field_is_said_and_nothing_is_written(corpus: Corpus, tmp_path: Path) -> None:
    """No number, a bad id, nothing pasted, no text: words below, no file."""
    form = CorpusForm("status 503", corpus)
    form.decide(status_code="many")
    assert "is no number" in state(form)
    assert form.write() is None
    form.decide(status_code="503", id="Bad Name")
    assert form.write() is None
    assert "must be lower-case letters" in state(form)
    empty = CorpusForm(corpus=corpus)
    assert empty.write() is None
    assert "nothing to write yet" in state(empty)
    empty.paste("status 503 " + "x" * 300_000)
    assert "too many for a sample" in state(empty)
    with pytest.raises(SampleError, match="knd: no such field"):
        form.decide(knd="auth")
    assert not (tmp_path / "mine").exists()


def test_what_was_caught_fills_the_form(corpus: Corpus) -> None:
    """A capture, a proposal and an exception are shown without a box to paste into."""
    with corpus.capture() as caught:
        raise ConnectionResetError(104, "Connection reset by peer")
    for given in (caught, caught.proposal, caught.error):
        form = CorpusForm(given, corpus)
        assert form.proposal is not None
        assert form.proposal.expected["kind"] == "timeout"
        assert "Failure" not in [getattr(one, "description", "") for one in controls(form)]
    added = CorpusForm(caught).write()
    assert added is not None
    assert added.ok


def test_a_doubt_needs_the_box_to_be_ticked(corpus: Corpus) -> None:
    """The same failure with other numbers is offered, not written by a plain click."""
    corpus.propose("status 503 after 3 tries").write()
    form = CorpusForm("status 503 after 4 tries", corpus)
    box = next(o for o in controls(form) if getattr(o, "description", "") == "Add it all the same")
    assert box.layout.display is None  # type: ignore[attr-defined]
    assert form.write() is None
    assert "at most numbers differ" in state(form)
    box.value = True  # type: ignore[attr-defined]
    assert form.write() is not None


def test_every_control_is_described(corpus: Corpus) -> None:
    """For keyboards and screen readers."""
    named = ("Textarea", "Dropdown", "Checkbox", "Text", "Button")
    found = [one for one in controls(CorpusForm(corpus=corpus)) if type(one).__name__ in named]
    assert len(found) == 12
    assert all(one.description for one in found)  # type: ignore[attr-defined]
