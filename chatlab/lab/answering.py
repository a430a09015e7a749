"""From a request and the next step of the script to a reply: the fake provider without sockets."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Lock

from chatlab.lab.distort import distort
from chatlab.lab.exchange import Reply, Request, compact, whole
from chatlab.lab.faults import RefuseConnection
from chatlab.lab.playback import CassetteStep
from chatlab.lab.playback import as_reply as played
from chatlab.lab.protocols import JSON_TYPE, PROTOCOLS, Protocol
from chatlab.lab.samples import Sample, Samples, as_reply, find
from chatlab.lab.script import Player, SampleStep, Script, Step
from chatlab.lab.spec import ScriptError, near
from chatlab.lab.success import Ids, Success

_HOSTS = frozenset({"127.0.0.1", "localhost"})


class Answering:
    """Answers requests by a script, and keeps the last ``requests_kept`` of them.

    A request that is no good (wrong host, path, method, body) is told so and uses no step. A
    step that does not fit the request is used, and the reply says why it did not fit; no client
    retries that reply.
    """

    def __init__(self, script: Script, samples: Samples | None, requests_kept: int) -> None:
        """Raise `ScriptError` when a sample or cassette of the script cannot be served."""
        self._script = script
        wanted = {step.id for step in script.steps if isinstance(step, SampleStep)}
        self._samples: dict[str, Sample] = {name: find(samples, name) for name in sorted(wanted)}
        tapes = {step for step in script.steps if isinstance(step, CassetteStep)}
        self._recorded = {step: step.load() for step in sorted(tapes, key=str)}
        self._kept: deque[Request] = deque(maxlen=requests_kept)
        self._lock = Lock()
        self.player = Player(script)

    @property
    def counts_connects(self) -> bool:
        """Whether the script refuses connections that have to be counted."""
        refusals = [step for step in self._script.steps if isinstance(step, RefuseConnection)]
        return any(step.closed_s is None for step in refusals)

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests that arrived, oldest first."""
        with self._lock:
            return tuple(self._kept)

    def answer(self, request: Request) -> Reply:
        """Return the reply that ``request`` meets, and keep the request."""
        refusal = _unfit(request)
        if refusal is not None:
            self._keep(replace(request, met=f"status {refusal.status}"))
            return refusal
        attempt, step = self.player.take()
        met = "script ended" if step is None else _name(step)
        self._keep(replace(request, attempt=attempt, met=met))
        final = isinstance(self.player.upcoming(), RefuseConnection)
        try:
            if step is None:
                raise ScriptError(self.player.ended(attempt))
            return replace(self._reply(step, request, attempt), final=final)
        except ScriptError as problem:
            code = "script_ended" if step is None else "step_does_not_fit"
            return replace(_told(400, code, str(problem)), final=final)

    def _reply(self, step: Step, request: Request, attempt: int) -> Reply:
        if isinstance(step, CassetteStep):
            return played(step, self._recorded[step], request)
        protocol: Protocol = PROTOCOLS[request.path]
        ids = Ids(self._script.seed, attempt)
        if isinstance(step, Success):
            return protocol.good(step, request, ids)
        good = protocol.good(self._script.success, request, ids)
        if isinstance(step, SampleStep):
            return as_reply(self._samples[step.id], good, request, step.after_event)
        return distort(step, good, protocol, request, ids)

    def _keep(self, request: Request) -> None:
        with self._lock:
            self._kept.append(request)


def _name(step: Step) -> str:
    return "success" if isinstance(step, Success) else str(step)


def _unfit(request: Request) -> Reply | None:
    """Return the reply to a request that no step of a script could answer, else None."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if host not in _HOSTS:
        text = f"this provider answers on {' and '.join(sorted(_HOSTS))} only, not on {host!r}"
        return _told(421, "wrong_host", text)
    if request.path not in PROTOCOLS:
        hint = near(request.path, PROTOCOLS)
        text = f"no endpoint {request.path}{hint or '; there are ' + ', '.join(PROTOCOLS)}"
        return _told(404, "unknown_endpoint", text)
    if request.method != "POST":
        return _told(405, "wrong_method", f"{request.path} takes POST, not {request.method}")
    if not isinstance(request.body, dict):
        return _told(400, "no_json_object", f"{request.path} takes a JSON object as its body")
    return None


def _told(status: int, code: str, text: str) -> Reply:
    """Return an error that comes from the laboratory itself, in a shape that both SDKs read."""
    error = {
        "message": f"chatlab fake provider: {text}",
        "type": "invalid_request_error",
        "param": None,
        "code": f"chatlab_{code}",
    }
    headers = (("content-type", JSON_TYPE), ("x-should-retry", "false"))
    return whole(status, headers, compact({"type": "error", "error": error}))
