"""Reads the tables of `contracts`: from the events of one attempt to how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatlab.chat.stream.contracts import (
    CHOICE_REASON,
    DIFFERENCES,
    NO_REASON,
    PROTOCOLS,
    REASONS,
    SIGNS,
    STEPS,
    WORST,
    Ending,
    Meaning,
    Outcome,
    Reading,
    Sign,
    State,
)
from chatlab.chat.stream.guards import at, choices, event_dict, is_content, is_refusal
from chatlab.errors import Kind, Verdict
from chatlab.errors.reading.who_answered import normalised_provider
from chatlab.text.spelling import suggest


@dataclass(slots=True, eq=False)
class Contract:
    """Watches the events of one attempt and says how it ended; made by `contract_for`.

    state: where the stream stands. error: the error payload that came in band, if one did.
    """

    protocol: str
    provider: str | None
    expected_choices: int
    state: State = field(default=State.WAITING, init=False)
    error: Mapping[str, object] | None = field(default=None, init=False)
    _begun: set[int] = field(default_factory=set, init=False, repr=False)
    _told: dict[int, tuple[str | None, Meaning]] = field(default_factory=dict, init=False)
    _refused: bool = field(default=False, init=False, repr=False)
    _laid_over: Mapping[tuple[State, Sign], State] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look up what this provider does differently."""
        who = (None, normalised_provider(self.provider))
        rows = [row for row in DIFFERENCES if row.protocol == self.protocol and row.provider in who]
        rows.sort(key=lambda row: row.provider is not None)
        self._laid_over = {(row.state, row.sign): row.to for row in rows}

    @property
    def over(self) -> bool:
        """Whether no further event can change the ending."""
        return self.state not in STEPS

    @property
    def streaming(self) -> bool:
        """Whether content is arriving, and further content changes nothing."""
        return self.state is State.STREAMING

    def feed(self, event: object, content: bool | None = None) -> State:
        """Take in one decoded event: a mapping, an SDK's object, or `DONE`.

        content: whether it is content, if that is known already.
        """
        if not self.over:
            decoded = event_dict(event)
            sign = self._sign(decoded, is_content(decoded) if content is None else content)
            self.state = self._step(sign) if sign else self.state
        return self.state

    def end(self, *, clean: bool = True) -> Ending:
        """Return the ending, when no event follows; clean=False: after an exception or a guard."""
        self.state = self._step(Sign.EOF if clean else Sign.LOST)
        if self.state is State.UNTOLD:
            return Ending(Outcome.UNKNOWN, "the stream closed in order, without its usual end")
        if self.state is State.CUT:
            because = f"the stream stopped before its end ({PROTOCOLS[self.protocol]})"
            cut = self._verdict("stream-cut", Kind.TIMEOUT, True)
            return Ending(Outcome.FAILED, because, verdict=cut)
        told = self._told.values() if self.state is State.ENDED else ()
        untold = None, Meaning(Outcome.FAILED)
        word, meaning = min(told, key=lambda one: WORST.index(one[1].outcome), default=untold)
        outcome, kind, retryable = meaning
        if outcome is Outcome.FAILED:
            verdict = None if self.error else self._verdict("own-stream-failed", kind, retryable)
            because = "the provider reported a failure in the stream"
            return Ending(Outcome.FAILED, because, word, self.error, verdict)
        if self._refused and outcome is Outcome.COMPLETE:
            outcome = Outcome.REFUSED
        return Ending(outcome, f"the provider ended the stream ({word or 'no reason told'})", word)

    def _verdict(self, rule: str, kind: Kind, retryable: bool) -> Verdict:
        return Verdict(kind, retryable, normalised_provider(self.provider), rule=rule)

    def _step(self, sign: Sign) -> State:
        if to := self._laid_over.get((self.state, sign)):
            return to
        return STEPS.get(self.state, {}).get(sign, self.state)

    def _sign(self, event: Mapping[str, object], content: bool) -> Sign | None:
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else "error" if event.get("error") else ""
        self._refused = self._refused or is_refusal(event)
        reading = Reading(Sign.ERROR) if kind == "error" else SIGNS[self.protocol].get(kind)
        if reading is None:
            return self._chunk(event, content) or (Sign.CONTENT if content else None)
        if reading.sign is Sign.ERROR:
            self.error = _payload(event, reading.path)
            return Sign.ERROR
        word = _word(at(event, reading.path))
        if word is None and reading.sign is Sign.STOP:
            return None
        if word is not None or not self._told:
            self._tell(0, word, reading.outcome)
        return reading.sign

    def _chunk(self, event: Mapping[str, object], content: bool) -> Sign | None:
        field = CHOICE_REASON.get(self.protocol, "")
        found = choices(event) if field else ()
        for index, choice in found:
            self._begun.add(index)
            if word := _word(choice.get(field)):
                self._tell(index, word, Outcome.COMPLETE)
        if found and len(self._told) >= max(self.expected_choices, len(self._begun)):
            return Sign.STOP
        return Sign.OPEN if found and not content else None

    def _tell(self, index: int, word: str | None, otherwise: Outcome) -> None:
        self._told[index] = word, REASONS.get((word or "").lower(), Meaning(otherwise))


def contract_for(
    protocol: str, provider: str | None = None, *, expected_choices: int = 1
) -> Contract:
    """A new contract for one attempt.

    protocol: one of `PROTOCOLS`; ValueError for another. provider: who answers, in any spelling;
    None, or one without rows in `DIFFERENCES`, is held to the protocol as written.
    expected_choices: the ``n`` of a Chat Completions request.
    """
    if protocol not in PROTOCOLS:
        hint = suggest(protocol, PROTOCOLS, f"choose from {', '.join(PROTOCOLS)}")
        raise ValueError(f"contract_for: protocol is {protocol!r}, which is not known; {hint}")
    return Contract(protocol, provider, expected_choices)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value.lower() not in NO_REASON else None


def _payload(event: Mapping[str, object], path: str) -> Mapping[str, object] | None:
    if not path and "type" in event:
        return event if any(event.get(name) for name in ("error", "message", "code")) else None
    found = at(event, path or "error")
    return {"error": found} if found else None
