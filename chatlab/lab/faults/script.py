"""A script: what each attempt meets, in order, and what follows the last step."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from chatlab.lab.faults.cassette_playback import CassetteStep
from chatlab.lab.faults.vocabulary import FAULTS, Fault
from chatlab.lab.protocols.good_answer import GoodAnswer
from chatlab.lab.protocols.notation import ScriptError, build, check, from_json, from_text, to_json

AFTER = ("error", "success")


@dataclass(frozen=True, slots=True)
class SampleStep:
    """A step that serves a corpus sample.

    >>> str(SampleStep("openai/429-tpm"))
    'sample:openai/429-tpm'

    Parameters
    ----------
    id : str
        The sample's id.
    after_event : int or None
        For a sample inside a stream: how many events of the good answer come first; None is up
        to and including the first content.

    Raises
    ------
    ScriptError
        For a negative ``after_event``.
    """

    id: str
    after_event: int | None = None

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a negative ``after_event``."""
        check(self)

    def __str__(self) -> str:
        """Return the short text, for example ``sample:openai/429-tpm``."""
        after = "" if self.after_event is None else f",after_event={self.after_event}"
        return f"sample:{self.id}{after}"


Step = GoodAnswer | SampleStep | CassetteStep | Fault

STEPS: dict[str, type[Any]] = {
    "success": GoodAnswer,
    "sample": SampleStep,
    "cassette": CassetteStep,
    **FAULTS,
}
"""Everything a step can be, by the name that scripts use."""


@dataclass(frozen=True, slots=True)
class Script:
    """What each attempt meets, in order.

    >>> Script.parse(["http-error:429,retry_after=2", "success"]).steps[0].retry_after
    '2'

    Parameters
    ----------
    steps : tuple of steps
        One for each attempt: `GoodAnswer`, `SampleStep`, `CassetteStep` or a `Fault`.
    after : str
        What follows the last step: ``error``, a reply that says that the script has ended and
        that no client retries, or ``success``.
    success : GoodAnswer
        The good answer that follows, and that faults act on.
    seed : int
        All ids and times come from it.

    Raises
    ------
    ScriptError
        For a field out of range, and for no steps with ``after="error"``.
    """

    steps: tuple[Step, ...] = ()
    after: str = field(default="error", metadata={"choices": AFTER})
    success: GoodAnswer = field(default_factory=GoodAnswer)
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a field out of range, or when nothing can be played."""
        check(self)
        if not self.steps and self.after == "error":
            raise ScriptError('script: no steps; give one, or after="success"')

    @classmethod
    def parse(cls, source: ScriptLike) -> Script:
        """Return the script that ``source`` writes down.

        Parameters
        ----------
        source : Script, step, str, list or dict
            A list holds the steps, each a step object, its short text or its JSON. A dict has the
            fields of `Script`, or is one step. A str is the JSON of either, or the short text of
            one step.

        Raises
        ------
        ScriptError
            With the place of the mistake.
        """
        if isinstance(source, str):
            source = _decoded(source)
        if isinstance(source, Script):
            return source
        if isinstance(source, Step):
            return cls((source,))
        if isinstance(source, Mapping) and "step" not in source:
            return cls._from_fields(source)
        return cls(_steps([source] if isinstance(source, Mapping) else source))

    @classmethod
    def read(cls, path: str | Path) -> Script:
        """Return the script in a JSON file; a `ScriptError` begins with the file's name."""
        try:
            return cls.parse(_decoded(Path(path).read_text(encoding="utf-8"), json_only=True))
        except (ScriptError, UnicodeDecodeError) as problem:
            raise ScriptError(f"{path}: {problem}") from None

    def to_json(self) -> dict[str, Any]:
        """Return the script as JSON data that `parse` reads back."""
        steps = [_step_json(step) for step in self.steps]
        return {**to_json(self), **({"steps": steps} if steps else {})}

    @classmethod
    def _from_fields(cls, record: Mapping[str, Any]) -> Script:
        values = dict(record)
        steps = values.pop("steps", [])
        if not isinstance(steps, list | tuple):
            raise ScriptError(f"script: steps is {steps!r}; it must be a list")
        return build(cls, {**values, "steps": _steps(steps)}, "script")


ScriptLike = Script | Step | str | Sequence[Any] | Mapping[str, Any]
"""What `Script.parse` takes."""


class Player:
    """The place in a script; threads may share it."""

    def __init__(self, script: Script) -> None:
        """Begin at the first step."""
        self._script = script
        self._left = deque(script.steps)
        self._attempts = 0
        self._first = 0
        self._lock = Lock()

    @property
    def attempts(self) -> int:
        """How many attempts have met something."""
        return self._attempts

    def upcoming(self) -> Step | None:
        """Return the step that the next attempt meets, or None when the script has ended."""
        with self._lock:
            return self._due()

    def take(self) -> tuple[int, Step | None]:
        """Use the next step; return the attempt, from 0, and the step."""
        with self._lock:
            attempt, step = self._attempts, self._due()
            self._attempts += 1
            if self._left:
                self._left.popleft()
        return attempt, step

    def give_back(self, attempt: int, step: Step) -> None:
        """Put the step that ``attempt`` took before what is left, unless its script is over."""
        with self._lock:
            if attempt >= self._first:
                self._left.appendleft(step)

    def play(self, script: Script) -> None:
        """Replace what is left by another script; the attempts go on counting."""
        with self._lock:
            self._script, self._left = script, deque(script.steps)
            self._first = self._attempts

    def ended(self, attempt: int) -> str:
        """Return the text for an attempt that the script has no step for."""
        count = len(self._script.steps)
        return (
            f"the script has {count} step{'' if count == 1 else 's'} and this is attempt "
            f'{attempt + 1}: it ended before the retries did; add steps, or set after="success"'
        )

    def _due(self) -> Step | None:
        if self._left:
            return self._left[0]
        return self._script.success if self._script.after == "success" else None


def parse_step(source: Step | str | Mapping[str, Any]) -> Step:
    """Return one step from a step object, its short text or its JSON.

    >>> parse_step("close-at-byte:120").byte
    120

    Raises
    ------
    ScriptError
        For an unknown name (with the near one), field or value.
    """
    if isinstance(source, Step):
        return source
    step: Step
    if isinstance(source, str):
        step = from_text(STEPS, source)
    elif isinstance(source, Mapping):
        step = from_json(STEPS, source)
    else:
        raise ScriptError(f"{source!r} is not a step; give short text, an object or a step")
    return step


def _steps(sources: Sequence[Any]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, source in enumerate(sources, start=1):
        try:
            steps.append(parse_step(source))
        except ScriptError as problem:
            raise ScriptError(f"step {number}: {problem}") from None
    return tuple(steps)


def _step_json(step: Step) -> object:
    return {"step": "success", **to_json(step)} if isinstance(step, GoodAnswer) else str(step)


def _decoded(text: str, json_only: bool = False) -> ScriptLike:
    """Return the JSON in ``text``; text that does not look like JSON is one step."""
    if not json_only and not text.lstrip().startswith(("[", "{")):
        return [text]
    try:
        decoded: ScriptLike = json.loads(text)
    except ValueError as problem:
        raise ScriptError(f"script: the text is not valid JSON: {problem}") from None
    return decoded
