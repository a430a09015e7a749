"""Play a script or a cassette through the real SDK and a turn, and keep all that happened.

The sockets, the official client and the `Turn` are the real ones. On a `VirtualClock` a wait of a
minute takes no time, nor does a delay of the provider's: only waits and guards move that clock, so
that a script gives the same events at the same times on any machine.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from chatlab.chat.messages.events import TurnEvent
from chatlab.chat.messages.parts import ToolCallPart
from chatlab.chat.stream.turn_metrics import TurnMetrics
from chatlab.chat.turn import Turn
from chatlab.corpus import Corpus
from chatlab.errors import Verdict, classify
from chatlab.errors.payloads import ChatError
from chatlab.exceptions import MissingExtra
from chatlab.lab.faults.cassette_file import FORMAT, read_exchanges
from chatlab.lab.faults.cassette_playback import CassetteStep
from chatlab.lab.faults.corpus_samples import Samples
from chatlab.lab.faults.script import SampleStep, Script, ScriptLike, Step
from chatlab.lab.faults.vocabulary import Fault
from chatlab.lab.protocols.notation import ScriptError, near
from chatlab.lab.provider.server import FakeProvider
from chatlab.lab.replaying.result import Replay
from chatlab.retry import Backoff, Clock, VirtualClock
from chatlab.retry.driver import Call, Flow, Within, afinish, finish

_ASKED: Final = "What is the answer?"
_MESSAGES: Final = ({"role": "user", "content": _ASKED},)
REQUESTS: Final[Mapping[str, Mapping[str, object]]] = {
    "responses": {"model": "gpt-5", "input": _ASKED},
    "chat": {
        "model": "gpt-5",
        "messages": _MESSAGES,
        "stream_options": {"include_usage": True},
    },
    "messages": {"model": "claude", "max_tokens": 1024, "messages": _MESSAGES},
}
"""The request that is sent, by the name of the protocol."""

_PATHS: Final = {
    "/responses": "responses",
    "/chat/completions": "chat",
    "/messages": "messages",
}

_CLIENTS: Final = {
    "openai": ("OpenAI", "AsyncOpenAI"),
    "anthropic": ("Anthropic", "AsyncAnthropic"),
}

_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""A context without any authority: only the loopback provider is called."""

HEAD_BYTES: Final = 1000
"""The mark of a cassette is within these first bytes of a file."""

ReplayLike = ScriptLike | Path
"""What can be played: what `Script.parse` takes, or a file with a script or a cassette."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """One replay in preparation: what is played, what is asked, on which clock."""

    script: Script
    protocol: str
    samples: Samples | None
    clock: Clock
    options: ReplayOptions
    on_event: Callable[[TurnEvent], object] | None
    events: list[tuple[float, TurnEvent]]

    @classmethod
    def of(
        cls,
        source: ReplayLike,
        protocol: str | None,
        samples: Samples | None,
        clock: Clock | None,
        on_event: Callable[[TurnEvent], object] | None,
        options: ReplayOptions,
    ) -> _Stage:
        script, recorded = _script(source)
        chosen = protocol or recorded or "responses"
        if chosen not in REQUESTS:
            hint = near(chosen, REQUESTS) or f"; choose one of {', '.join(REQUESTS)}"
            raise ScriptError(f'unknown protocol "{chosen}"{hint}')
        if samples is None and any(isinstance(step, SampleStep) for step in script.steps):
            samples = Corpus.load()
        on = VirtualClock() if clock is None else clock
        return cls(script, chosen, samples, on, options, on_event, [])

    def provider(self) -> FakeProvider:
        sleep = _at_once if isinstance(self.clock, VirtualClock) else asyncio.sleep
        return FakeProvider(self.script, samples=self.samples, sleep=sleep)

    def client(self, provider: FakeProvider, is_async: bool) -> Any:  # noqa: ANN401  of either SDK
        sdk = "anthropic" if self.protocol == "messages" else "openai"
        try:
            import httpx2

            library: Any = import_module(sdk)
        except ModuleNotFoundError as missing:
            raise MissingExtra("a replay", missing.name) from missing
        wire: dict[str, Any] = {"trust_env": False, "verify": _NO_TLS}
        if any(_needs_http2(step) for step in self.script.steps):
            wire |= {"http1": False, "http2": True}
        http = httpx2.AsyncClient(**wire) if is_async else httpx2.Client(**wire)
        url = getattr(provider, f"{sdk}_base_url")
        kind = getattr(library, _CLIENTS[sdk][is_async])
        return kind(base_url=url, api_key="none", max_retries=0, http_client=http)

    def turn(self, client: object) -> Turn:
        start_s = self.clock.now()

        def note(event: TurnEvent) -> None:
            self.events.append((round(self.clock.now() - start_s, 6), event))
            if self.on_event is not None:
                self.on_event(event)

        asked = dict(REQUESTS[self.protocol])
        return Turn(asked, client=client, clock=self.clock, on_event=note, **self.options)

    def flow(self, results: list[Replay], *, is_async: bool) -> Flow:
        """Give the commands of the replay, for a driver; its result is added to `results`."""

        def connect(provider: FakeProvider) -> Flow:
            yield Within(self.client(provider, is_async), partial(ask, provider))

        def ask(provider: FakeProvider, client: object) -> Flow:
            turn, error = self.turn(client), None
            try:
                yield Call(turn.arun if is_async else turn.run)
            except Exception as failed:
                error = failed
            results.append(self.outcome(turn, error, provider))

        yield Within(self.provider(), connect)

    def outcome(self, turn: Turn, error: Exception | None, provider: FakeProvider) -> Replay:
        failure = next((e for _, e in self.events if isinstance(e, ChatError)), None)
        if error is not None and failure is None:
            failure = ChatError.of(classify(error))
        return Replay(
            tuple(self.events),
            turn.answer,
            failure,
            error,
            turn.gave_up,
            turn.discarded,
            provider.requests,
        )


class ReplayOptions(TypedDict, total=False):
    """Further options of `Turn` that a replay passes on; see there."""

    provider: str | None
    policy: Backoff
    startup_s: float | None
    silence_s: float | None
    total_s: float | None
    max_events: int | None
    max_chars: int | None
    on_tool_call: Callable[[ToolCallPart], object] | None
    judge: Callable[[Verdict], Verdict] | None
    metrics: TurnMetrics | None


def replay(
    script: ReplayLike,
    *,
    protocol: str | None = None,
    samples: Samples | None = None,
    clock: Clock | None = None,
    on_event: Callable[[TurnEvent], object] | None = None,
    **options: Unpack[ReplayOptions],
) -> Replay:
    """Play `script` through the official SDK and a `Turn`, and return the result.

    A turn that fails is a result, not an exception.

    Parameters
    ----------
    script:
        Anything that `Script.parse` takes, or a `Path` to a file with a script or a cassette, whose
        exchanges are played one for each attempt.
    protocol:
        ``"responses"``, ``"chat"`` or ``"messages"``; None is what the cassette was recorded with,
        else Responses.
    samples:
        Where the script's samples come from; None is the shipped corpus.
    clock:
        None is a new `VirtualClock`; on a `SystemClock` every wait and delay is real.
    on_event, options:
        As in `Turn`.

    Raises
    ------
    ScriptError
        For a script that cannot be played.
    ModuleNotFoundError
        Without the SDKs.

    Examples
    --------
    >>> replay(["http-error:503", "success"])
    Replay: answered after 2 attempts and 1 s: 'The answer is 42.'
    """
    stage = _Stage.of(script, protocol, samples, clock, on_event, options)
    results: list[Replay] = []
    finish(stage.flow(results, is_async=False), stage.clock)
    return results[0]


async def areplay(
    script: ReplayLike,
    *,
    protocol: str | None = None,
    samples: Samples | None = None,
    clock: Clock | None = None,
    on_event: Callable[[TurnEvent], object] | None = None,
    **options: Unpack[ReplayOptions],
) -> Replay:
    """Play `script` through the asynchronous SDK client; everything else is as in `replay`."""
    stage = _Stage.of(script, protocol, samples, clock, on_event, options)
    results: list[Replay] = []
    await afinish(stage.flow(results, is_async=True), stage.clock)
    return results[0]


def _script(source: ReplayLike) -> tuple[Script, str | None]:
    """The script that `source` is, and the protocol of the cassettes in it, if they agree."""
    script = _from_file(source) if isinstance(source, Path) else Script.parse(source)
    tapes = [step for step in script.steps if isinstance(step, CassetteStep)]
    paths = {step.load().request.path for step in tapes}
    spoken = {name for path in paths for end, name in _PATHS.items() if path.endswith(end)}
    return script, spoken.pop() if len(spoken) == 1 else None


def _from_file(path: Path) -> Script:
    """The script in a file; of a cassette, one that plays its exchanges in order."""
    if not path.exists():
        hint = near(path.name, (other.name for other in path.parent.glob("*.json")))
        raise ScriptError(f"{path}: no such file{hint}")
    if f'"{FORMAT}"'.encode() in path.read_bytes()[:HEAD_BYTES]:
        count = len(read_exchanges(path))
        if not count:
            raise ScriptError(f"{path}: the cassette is empty; record an exchange into it")
        return Script(tuple(CassetteStep(str(path), number) for number in range(count)))
    return Script.read(path)


def _needs_http2(step: Step) -> bool:
    if isinstance(step, CassetteStep):
        return step.load().end.how in ("rst-stream", "goaway")
    return isinstance(step, Fault) and step.http2_only


async def _at_once(_delay_s: float) -> None:
    """A delay of the provider's on a virtual clock: real time must not decide what comes when."""
    await asyncio.sleep(0)
