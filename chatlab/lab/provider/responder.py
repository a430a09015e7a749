"""The fake provider without sockets: a request and the next step of the script give a reply."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Lock

from chatlab.lab.faults.apply import apply_fault, outcome
from chatlab.lab.faults.cassette_playback import CassetteStep
from chatlab.lab.faults.cassette_playback import as_reply as played
from chatlab.lab.faults.corpus_samples import Sample, Samples, as_reply, find
from chatlab.lab.faults.script import Player, SampleStep, Script, Step
from chatlab.lab.faults.vocabulary import RefuseConnection
from chatlab.lab.memory.input_items import tokens
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.protocols.exchange import (
    MAX_BODY_BYTES,
    InputRefused,
    ReceivedRequest,
    Refusal,
    Reply,
    compact,
    whole,
)
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids
from chatlab.lab.protocols.notation import ScriptError, near
from chatlab.lab.protocols.openai_responses import body as finished
from chatlab.lab.protocols.table import JSON_TYPE, PROTOCOLS, Protocol, protocol_of

RESPONSES = "/v1/responses"

_HOSTS = frozenset({"127.0.0.1", "localhost"})


class Responder:
    """Answers requests by a script, and keeps the last ``requests_kept`` of them.

    A request with a wrong host, path, method or body gets an error and uses no step. A step that
    does not fit the request is used, and the reply says why it does not fit; no client retries
    that reply.

    A request whose step begins a response (a good answer, complete or not) is refused if the
    provider would refuse its input. A refused request counts as an attempt, but its step is left
    for the next request. A step that answers before any response begins, such as a 503, comes
    first. ``validate=False`` accepts every input.
    """

    def __init__(
        self,
        script: Script,
        samples: Samples | None,
        requests_kept: int,
        memory: ResponseMemory | None = None,
        *,
        validate: bool = True,
    ) -> None:
        """Raise `ScriptError` when a sample or cassette of the script cannot be served."""
        if memory is not None and not validate:
            raise ScriptError("memory and validate=False exclude each other; leave one out")
        self._shelf = samples
        self._counts_tokens = memory is not None
        self._validates = validate
        if memory is None and validate:
            memory = ResponseMemory(kept=requests_kept)
        self._memory = memory
        self._kept: deque[ReceivedRequest] = deque(maxlen=requests_kept)
        self._lock = Lock()
        self._turn = Lock()
        self._load(script)
        self.player = Player(script)

    @property
    def counts_connects(self) -> bool:
        """Whether the script refuses connections that have to be counted."""
        refusals = [step for step in self._script.steps if isinstance(step, RefuseConnection)]
        return any(step.closed_s is None for step in refusals)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The requests that arrived, oldest first."""
        with self._lock:
            return tuple(self._kept)

    def play(self, script: Script) -> None:
        """Replace what is left of the script; attempts go on counting.

        Raises `ScriptError` for a sample or cassette that cannot be served, for a script in which
        connections are refused, and while one has to be: the port is watched from the start only.
        """
        with self._turn:
            if any(isinstance(step, RefuseConnection) for step in script.steps):
                raise ScriptError(
                    "play: refuse-connection works only in the script that a provider starts with"
                )
            if isinstance(self.player.upcoming(), RefuseConnection):
                raise ScriptError("play: refuse-connection is due; play when it has been met")
            self._load(script)
            self.player.play(script)

    def answer(self, request: ReceivedRequest) -> Reply:
        """Return the reply that ``request`` meets, and keep the request."""
        refusal = _unfit(request)
        if refusal is not None:
            self._keep(replace(request, met=f"status {refusal.status}"))
            return refusal
        with self._turn:
            attempt, step = self.player.take()
            request = replace(request, attempt=attempt, met=_name(step))
            if self._memory is not None and request.path == RESPONSES:
                reply, request = self._remembered(self._memory, step, request, attempt)
            else:
                reply, request = self._checked(step, request, attempt)
            self._keep(request)
            return replace(reply, final=isinstance(self.player.upcoming(), RefuseConnection))

    def _load(self, script: Script) -> None:
        wanted = {step.id for step in script.steps if isinstance(step, SampleStep)}
        samples = {name: find(self._shelf, name) for name in sorted(wanted)}
        tapes = {step for step in script.steps if isinstance(step, CassetteStep)}
        self._recorded = {step: step.load() for step in sorted(tapes, key=str)}
        self._samples: dict[str, Sample] = samples
        self._script = script

    def _success(self, step: Step | None) -> GoodAnswer:
        return step if isinstance(step, GoodAnswer) else self._script.success

    def _remembered(
        self, memory: ResponseMemory, step: Step | None, request: ReceivedRequest, attempt: int
    ) -> tuple[Reply, ReceivedRequest]:
        """Return the reply of a provider that remembers, and the request with what it met."""
        asked = memory.ask(request.body)
        success = self._success(step)
        if asked.context is not None and self._counts_tokens:
            usage = replace(success.usage, input_tokens=tokens(asked.context))
            success = replace(success, usage=usage)
        reply, ended = self._reply(step, request, attempt, success)
        response = None
        if ended is None or step is None:
            asked = replace(asked, refused=None)
        elif asked.refused is not None:
            reply, request = self._refused(asked.refused, step, request, attempt)
            ended = None
        else:
            response = finished(success, request, Ids(self._script.seed, attempt))
        memory.note(asked, attempt, request.size, ended, response)
        return reply, request

    def _checked(
        self, step: Step | None, request: ReceivedRequest, attempt: int
    ) -> tuple[Reply, ReceivedRequest]:
        """Return the reply of a provider without a memory, and the request with what it met."""
        reply, ended = self._reply(step, request, attempt, self._success(step))
        check = _protocol(request).check if self._validates else None
        if step is not None and ended is not None and check is not None:
            try:
                check(request.body)
            except InputRefused as refused:
                return self._refused(refused.refusal, step, request, attempt)
        return reply, request

    def _reply(
        self, step: Step | None, request: ReceivedRequest, attempt: int, success: GoodAnswer
    ) -> tuple[Reply, str | None]:
        """Return the reply, with ``success`` as the good answer, and the response's outcome."""
        try:
            if step is None:
                raise ScriptError(self.player.ended(attempt))
            if isinstance(step, CassetteStep):
                return played(step, self._recorded[step], request), None
            if success.web_search and request.path != RESPONSES:
                raise ScriptError(f"web_search is for {RESPONSES} only, not for {request.path}")
            protocol, ids = _protocol(request), Ids(self._script.seed, attempt)
            good = reply = protocol.good(success, request, ids)
            if isinstance(step, SampleStep):
                reply = as_reply(self._samples[step.id], good, request, step.after_event)
            elif not isinstance(step, GoodAnswer):
                reply = apply_fault(step, good, protocol, request, ids)
            status = "incomplete" if success.finish == "length" else "completed"
            return reply, outcome(step, good, reply, status)
        except ScriptError as problem:
            code = "script_ended" if step is None else "step_does_not_fit"
            return _lab_error(400, code, str(problem)), None

    def _refused(
        self, refusal: Refusal, step: Step, request: ReceivedRequest, attempt: int
    ) -> tuple[Reply, ReceivedRequest]:
        """Return the refusal; the step is left for the next request."""
        self.player.give_back(attempt, step)
        reply = _protocol(request).refused(refusal, Ids(self._script.seed, attempt))
        return reply, replace(request, met=f"status {reply.status}")

    def _keep(self, request: ReceivedRequest) -> None:
        with self._lock:
            self._kept.append(request)


def _protocol(request: ReceivedRequest) -> Protocol:
    """Return the protocol of a request that is not `_unfit`."""
    protocol = protocol_of(request.path)
    assert protocol is not None
    return protocol


def _name(step: Step | None) -> str:
    if step is None:
        return "script ended"
    return "success" if isinstance(step, GoodAnswer) else str(step)


def _unfit(request: ReceivedRequest) -> Reply | None:
    """Return the reply to a request that no step of a script could answer, else None."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if host not in _HOSTS:
        text = f"this provider answers on {' and '.join(sorted(_HOSTS))} only, not on {host!r}"
        return _lab_error(421, "wrong_host", text)
    if protocol_of(request.path) is None:
        hint = near(request.path, PROTOCOLS)
        text = f"no endpoint {request.path}{hint or '; there are ' + ', '.join(PROTOCOLS)}"
        return _lab_error(404, "unknown_endpoint", text)
    if request.method != "POST":
        return _lab_error(405, "wrong_method", f"{request.path} takes POST, not {request.method}")
    if request.size > MAX_BODY_BYTES:
        text = f"the body has more than {MAX_BODY_BYTES} bytes; send less"
        final = request.http_version != "2"  # there the other streams go on
        return replace(_lab_error(413, "body_too_large", text), final=final)
    if not isinstance(request.body, dict):
        return _lab_error(400, "no_json_object", f"{request.path} takes a JSON object as its body")
    return None


def _lab_error(status: int, code: str, text: str) -> Reply:
    """Return an error of the fake provider itself, in a form that both SDKs read."""
    error = {
        "message": f"chatlab fake provider: {text}",
        "type": "invalid_request_error",
        "param": None,
        "code": f"chatlab_{code}",
    }
    headers = (("content-type", JSON_TYPE), ("x-should-retry", "false"))
    return whole(status, headers, compact({"type": "error", "error": error}))
