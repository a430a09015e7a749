"""A fake provider on a real loopback socket."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from chatlab.exceptions import MissingExtra
from chatlab.lab.faults.corpus_samples import Samples
from chatlab.lab.faults.script import Script, ScriptLike
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.protocols.exchange import ReceivedRequest
from chatlab.lab.provider.http1 import Sleep
from chatlab.lab.provider.listener import Listener
from chatlab.lab.provider.port import LOOPBACK
from chatlab.lab.provider.responder import Responder


class FakeProvider:
    """A fake provider that plays a script to whatever client calls.

    >>> from openai import OpenAI
    >>> with FakeProvider(["http-error:429", "success"]) as provider:
    ...     client = OpenAI(base_url=provider.openai_base_url, api_key="none")
    ...     client.responses.create(model="gpt-5", input="What is the answer?").output_text
    ...     client.close()
    'The answer is 42.'
    >>> [request.met for request in provider.requests]
    ['http-error:429', 'success']

    It speaks OpenAI's Responses and Chat Completions, Anthropic's Messages, Gemini's
    generateContent, Ollama's chat, Cohere's chat (version 2) and Mistral's chat.
    It listens on 127.0.0.1 only, in a thread of its own, and speaks HTTP/1.1 and HTTP/2 (with
    prior knowledge; with ``tls=True`` as the client negotiates). It needs no key and keeps none.
    Steps go to attempts as they arrive, whichever client sends them. Use it as a context manager,
    sync or async.

    Parameters
    ----------
    script : Script, step, str, list or dict
        Anything that `Script.parse` takes.
    samples : Corpus or mapping, optional
        Corpus samples by id, for steps such as ``sample:openai/429-tpm``.
    memory : ResponseMemory, optional
        What ``/v1/responses`` stored, to be read or changed by a test; it also makes answers
        report estimated token counts. By default the provider has a memory of its own.
    validate : bool
        Refuse the input that the providers refuse: calls without results, results without calls,
        items without their reasoning item, malformed items, unknown responses. A refused request
        leaves its step to the next request. False accepts every input.
    port : int
        The port; 0 takes any free one.
    tls : bool
        Serve HTTPS with a throw-away certificate; `ssl_context` trusts it.
    sleep : callable
        Waits for so many seconds; every delay of the script goes through it.
    requests_kept : int
        How many of the latest requests `requests` keeps.
    request_s : float
        Real seconds that a request may take to arrive once it has begun; then it is ended.

    Raises
    ------
    ScriptError
        For a script that cannot be played.
    OSError
        On start, for a port that is in use.
    RuntimeError
        For use before the start or after the end.
    ImportError
        For ``tls=True`` without the ``lab`` extra.
    """

    def __init__(
        self,
        script: ScriptLike,
        *,
        samples: Samples | None = None,
        memory: ResponseMemory | None = None,
        validate: bool = True,
        port: int = 0,
        tls: bool = False,
        sleep: Sleep = asyncio.sleep,
        requests_kept: int = 10_000,
        request_s: float = 30.0,
    ) -> None:
        """Check the script and its samples; nothing is opened yet."""
        self.script = Script.parse(script)
        self._responder = Responder(self.script, samples, requests_kept, memory, validate=validate)
        self._wanted_port = port
        self._sleep = sleep
        self._request_s = request_s
        self._server_tls: ssl.SSLContext | None = None
        self.ssl_context: ssl.SSLContext | None = None
        if tls:
            try:
                from chatlab.lab.provider.tls import contexts
            except ModuleNotFoundError as missing:
                raise MissingExtra("tls=True", missing.name) from missing
            now = datetime.datetime.now(datetime.UTC)
            self._server_tls, self.ssl_context = contexts(now)
        self._listener: Listener | None = None
        self._closed = False

    @property
    def base_url(self) -> str:
        """The address without a path, for example ``http://127.0.0.1:40123``."""
        if self._closed:
            raise RuntimeError(
                "this FakeProvider is closed; read what arrived in .requests, or make a new one"
            )
        if self._listener is None:
            raise RuntimeError("this FakeProvider has not started; use it in a with statement")
        scheme = "https" if self._server_tls else "http"
        return f"{scheme}://{LOOPBACK}:{self._listener.number}"

    @property
    def openai_base_url(self) -> str:
        """The ``base_url`` for an openai client."""
        return f"{self.base_url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """The ``base_url`` for an anthropic client."""
        return self.base_url

    @property
    def gemini_base_url(self) -> str:
        """The ``base_url`` in the HTTP options of a google-genai client."""
        return self.base_url

    @property
    def ollama_host(self) -> str:
        """The ``host`` of an ollama client."""
        return self.base_url

    @property
    def cohere_base_url(self) -> str:
        """The ``base_url`` of a cohere client, version 2."""
        return self.base_url

    @property
    def mistral_server_url(self) -> str:
        """The ``server_url`` of a mistralai client."""
        return f"{self.base_url}/mistral"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The requests that arrived, oldest first; a refused connection does not count."""
        return self._responder.requests

    @property
    def attempts(self) -> int:
        """How many attempts have met a step of the script or its end, refused ones included."""
        return self._responder.player.attempts

    def idle(self) -> Future[None]:
        """Return a future that is done when the provider has nothing to do.

        Everything that had arrived when it was called has then been read, no answer is computed,
        delayed or written, and all bytes written are in the client's socket: nothing more comes
        before the client acts. A stalled answer counts as nothing to do. For a clock that moves
        only when nothing happens: ``provider.idle().result()`` in a thread,
        ``await asyncio.wrap_future(provider.idle())`` in a task.

        Returns
        -------
        concurrent.futures.Future
            Cancelled when the provider closes before it is idle.

        Raises
        ------
        RuntimeError
            Before the start and after the end.
        """
        if self._listener is None or self._closed:
            raise RuntimeError("this FakeProvider is not running; use it in a with statement")
        return self._listener.idle()

    def play(self, script: ScriptLike) -> None:
        """Replace what is left of the script by another; attempts go on counting.

        Threads may call it. What is being answered goes on as it was planned. Raises
        `ScriptError` for a script that cannot be played, and for ``refuse-connection``: in the
        new script, or as the step that is due in the old one.
        """
        parsed = Script.parse(script)
        self._responder.play(parsed)
        self.script = parsed

    def start(self) -> None:
        """Bind the port and start; raises `OSError` for a port in use."""
        if self._closed or self._listener is not None:
            state = "closed" if self._closed else "running"
            raise RuntimeError(
                f"this FakeProvider is {state}; make a new one, it plays its script once"
            )
        self._listener = Listener(
            self._responder, self._wanted_port, self._server_tls, self._sleep, self._request_s
        )

    def close(self) -> None:
        """Cancel the running answers, and release socket, thread and port."""
        if self._listener is not None and not self._closed:
            self._closed = True
            self._listener.close()

    def __enter__(self) -> Self:
        """Start, and return the provider."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """Start, and return the provider."""
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; no client is waited for, so the caller's loop is blocked for a moment only."""
        self.close()
