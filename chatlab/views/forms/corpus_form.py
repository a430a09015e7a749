"""A form that makes a checked sample of a failure; `Corpus.propose` and `write` do the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, cast

from chatlab.exceptions import MissingExtra
from chatlab.text.palette import STOP, SUCCEEDED

try:
    import ipywidgets as widgets
except ModuleNotFoundError:
    raise MissingExtra("the form", "ipywidgets") from None

from chatlab.corpus import (
    Added,
    Caught,
    Corpus,
    Label,
    Library,
    Proposal,
    SampleError,
    sanitize_text,
)
from chatlab.corpus.adding.propose import Intake
from chatlab.corpus.adding.validation import reject_request_data
from chatlab.corpus.sanitizer.placeholders import WORD
from chatlab.errors import Kind
from chatlab.errors.reading.who_answered import DISPLAY_NAMES
from chatlab.text.markup import tag

_WIDE: Final = "98%"
_STOP, _DONE = f"color:{STOP}", f"color:{SUCCEEDED}"
_ADVICE: Final = "paste a log line, a traceback, a curl -i dump or an error body"


class CorpusForm(widgets.VBox):  # type: ignore[misc]
    """A failure, the label that is proposed for it, what is like it, and a button that adds it.

    As soon as the box has been read it shows the text without its secrets, so that none of them is
    saved with the notebook.

    Parameters
    ----------
    given : object, optional
        A `Proposal`, what `Corpus.capture` caught, or anything that `classify` takes; without it
        there is a box to paste into.
    corpus : Library, optional
        Where the sample goes; by default the corpus of chatlab.
    provider : str, optional
        Who answered, when the failure does not say.

    Attributes
    ----------
    proposal : Proposal or None
        What the fields make.
    added : Added or None
        What was written.

    Examples
    --------
    >>> form = CorpusForm("HTTP 529 overloaded", provider="anthropic")
    >>> form.proposal.expected["kind"], form.added
    ('overloaded', None)
    """

    def __init__(
        self, given: object = None, corpus: Library | None = None, provider: str | None = None
    ) -> None:
        self._corpus = corpus if corpus is not None else _corpus_of(given)
        self._intake = (
            self._corpus.intake if isinstance(self._corpus, Corpus) else Intake(self._corpus)
        )
        self._base: Proposal | None = None
        self.proposal: Proposal | None = None
        self.added: Added | None = None
        self._filling = False
        self._text = widgets.Textarea(
            description="Failure",
            placeholder=_ADVICE,
            rows=6,
            continuous_update=False,
            layout=widgets.Layout(width=_WIDE),
        )
        self._provider = widgets.Dropdown(
            options=[("unknown", None), *((name, key) for key, name in DISPLAY_NAMES.items())],
            value=provider,
            description="Provider",
        )
        self._fields = _label_controls()
        self._anyway = widgets.Checkbox(description="Add it all the same", indent=False)
        self._button = widgets.Button(description="Write", button_style="primary")
        self._picture, self._result = widgets.HTML(), widgets.HTML()
        self._text.observe(self._pasted, names="value")
        self._provider.observe(self._provider_chosen, names="value")
        for control in self._fields.values():
            control.observe(self._decided, names="value")
        self._button.on_click(lambda _button: self.write())
        self._given = _proposal_of(given, self._intake, provider)
        self._take(self._given)
        pasted = [] if self._given is not None else [self._text]
        label = widgets.GridBox(
            [self._provider, *self._fields.values()],
            layout=widgets.Layout(grid_template_columns="repeat(auto-fit, minmax(22em, 1fr))"),
        )
        actions = widgets.HBox([self._button, self._anyway])
        super().__init__([*pasted, label, self._picture, actions, self._result])

    def paste(self, text: str) -> Proposal | None:
        """Put `text` into the box, as a person would; returns what it would make."""
        self._text.value = text
        return self.proposal

    def decide(self, **fields: object) -> Proposal | None:
        """Fill label fields in, as a person would: kind, retryable, why, id and so on."""
        for name, value in fields.items():
            if name == "provider":
                self._provider.value = value
            elif name in self._fields:
                self._fields[name].value = value
            else:
                raise SampleError(f"{name}: no such field; choose one of {', '.join(self._fields)}")
        return self.proposal

    def write(self) -> Added | None:
        """Do what the button does: write the sample, check it, and say so below."""
        if self.proposal is None:
            self._say("there is nothing to write yet; " + _ADVICE, _STOP)
            return None
        try:
            self.added = self.proposal.write(anyway=self._anyway.value)
        except (SampleError, OSError) as problem:
            self._say(str(problem), _STOP)
            return None
        self._button.disabled = True
        self._say(str(self.added), _DONE if self.added.ok else _STOP)
        return self.added

    def _pasted(self, _change: Mapping[str, Any]) -> None:
        if not self._filling:
            self._read(self._provider.value)

    def _provider_chosen(self, _change: Mapping[str, Any]) -> None:
        if not self._filling:
            self._update()

    def _decided(self, change: Mapping[str, Any]) -> None:
        if self._filling:
            return
        if change["owner"] is self._fields["kind"] and self._base is not None:
            usual = self._base.changed(kind=change["new"]).expected["retryable"]
            with self._quietly():
                self._fields["retryable"].value = usual
        self._update()

    def _read(self, provider: str | None) -> None:
        """Make a proposal of what the box holds, and take the secrets out of the box."""
        text, before = self._text.value, self._base
        if not text.strip():
            self._take(None)
            return
        try:
            with self._quietly():
                self._text.value = ""
                reject_request_data(text)
                self._text.value = sanitize_text(text).text
            proposal = self._intake.propose(text, provider=provider)
        except (SampleError, ModuleNotFoundError) as problem:
            self._take(None)
            self._say(str(problem), _STOP)
            return
        edited = before is not None and WORD in text  # what was taken out before stays told
        self._take(_with_removed(proposal, before) if edited and before else proposal)

    def _take(self, proposal: Proposal | None) -> None:
        """Show `proposal` with the label that it proposes."""
        self._base = self.proposal = proposal
        self.added = None
        self._say("", _DONE)
        if proposal is not None:
            with self._quietly():
                self._anyway.value = False
                self._provider.value = proposal.expected["provider"]
                for name, shown in _shown_fields(proposal).items():
                    self._fields[name].value = shown
        self._show()

    def _update(self) -> None:
        """Make the proposal again from the fields that a person changed."""
        if self._base is None:
            return
        shown = _shown_fields(self._base)
        try:
            changes = {
                name: _decision(name, control.value)
                for name, control in self._fields.items()
                if control.value != shown[name]
            }
            if self._provider.value != self._base.expected["provider"]:
                changes["provider"] = self._provider.value
            self.proposal = self._base.changed(**cast(Label, changes))
        except SampleError as problem:
            self.proposal = None
            self._say(str(problem), _STOP)
        else:
            self._say("", _DONE)
        self._show()

    def _show(self) -> None:
        proposal = self.proposal
        self._picture.value = "" if proposal is None else proposal._repr_html_()
        self._button.disabled = proposal is None or bool(proposal.problems)
        doubtful = proposal is not None and bool(proposal.doubts)
        self._anyway.layout.display = None if doubtful else "none"

    def _say(self, words: str, style: str) -> None:
        self._result.value = tag("div", words, style=style) if words else ""

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Set values without taking them for what a person decided."""
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def __repr__(self) -> str:
        return f"CorpusForm: {self.proposal or _ADVICE}"


def _label_controls() -> dict[str, Any]:
    return {
        "kind": widgets.Dropdown(
            options=[(kind.label, str(kind)) for kind in Kind], description="Kind"
        ),
        "retryable": widgets.Checkbox(description="Retryable"),
        "chain_broken": widgets.Checkbox(description="Chain broken"),
        "status_code": _words("HTTP status"),
        "retry_after_s": _words("Wait (s)"),
        "why": _words("Why"),
        "known_miss": _words("Known miss"),
        "id": _words("Id"),
    }


def _words(description: str) -> Any:  # noqa: ANN401 - ipywidgets has no types
    return widgets.Text(description=description, continuous_update=False)


def _shown_fields(proposal: Proposal) -> dict[str, object]:
    """What each control shows of `proposal`."""
    expected = proposal.expected
    return {
        "kind": str(expected["kind"]),
        "retryable": bool(expected["retryable"]),
        "chain_broken": bool(expected["chain_broken"]),
        **{
            name: "" if expected[name] is None else str(expected[name])
            for name in ("status_code", "retry_after_s")
        },
        "why": str(proposal.record["why"]),
        "known_miss": proposal.sample.known_miss or "",
        "id": proposal.slug,
    }


def _decision(name: str, value: object) -> object:
    """The value that a control's content stands for; raises `SampleError` for no number."""
    if name not in ("status_code", "retry_after_s"):
        return value or None if name == "known_miss" else value
    text = str(value).strip()
    try:
        return None if not text else int(text) if name == "status_code" else float(text)
    except ValueError:
        raise SampleError(f"{name}: {text!r} is no number; write one, or leave it empty") from None


def _with_removed(proposal: Proposal, before: Proposal) -> Proposal:
    """`proposal`, made from a text out of which things were taken when it was `before`."""
    kinds = dict.fromkeys(one.kind for one in (*before.removed, *proposal.removed))
    record = {**proposal.record, "redactions": list(kinds)}
    return replace(proposal, record=record, removed=(*before.removed, *proposal.removed))


def _corpus_of(given: object) -> Library:
    return given.corpus if isinstance(given, Proposal | Caught) else Corpus.load()


def _proposal_of(given: object, intake: Intake, provider: str | None) -> Proposal | None:
    if given is None or isinstance(given, Proposal):
        return given
    return given.proposal if isinstance(given, Caught) else intake.propose(given, provider=provider)
