"""A fake OpenAI and Anthropic provider on a real loopback socket."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from types import TracebackType
from typing import Self

from chatlab.exceptions import MissingExtra
from chatlab.lab.faults.corpus_samples import Samples
from chatlab.lab.faults.script import Script, ScriptLike
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.provider.exchange import Request
from chatlab.lab.provider.http1 import Sleep
from chatlab.lab.provider.listener import Listener
from chatlab.lab.provider.port import LOOPBACK
from chatlab.lab.provider.responder import Answering


class FakeProvider:
    """Plays a script, once, to whatever client calls; use it as a context manager.

        with FakeProvider(["sample:openai/429-tpm", "success"], samples=corpus) as provider:
            OpenAI(base_url=provider.openai_base_url, api_key="none")

    It listens on 127.0.0.1 only, in a thread of its own, and speaks HTTP/1.1 and HTTP/2 (with
    prior knowledge; with ``tls=True`` as the client negotiates). No key is needed and none is
    kept. Steps go to attempts as they arrive, whichever client sends them.

    ``script`` is anything that `Script.parse` takes. ``samples`` maps ids to corpus samples.
    ``memory`` makes ``/v1/responses`` remember what it stored, and refuse what does not fit it; a
    refused request leaves its step to the next. ``port`` 0 is any free port. ``sleep`` waits for
    seconds; every delay of the script goes through it. ``requests`` keeps the last
    ``requests_kept``.

    Raises `ScriptError` for a script that cannot be played, `OSError` for a port in use, and
    `RuntimeError` for use before the start or after the end.
    """

    def __init__(
        self,
        script: ScriptLike,
        *,
        samples: Samples | None = None,
        memory: ResponseMemory | None = None,
        port: int = 0,
        tls: bool = False,
        sleep: Sleep = asyncio.sleep,
        requests_kept: int = 10_000,
    ) -> None:
        """Check the script and its samples; nothing is opened yet."""
        self.script = Script.parse(script)
        self._answering = Answering(self.script, samples, requests_kept, memory)
        self._wanted_port = port
        self._sleep = sleep
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
            raise RuntimeError("this FakeProvider is closed; what it heard is still in requests")
        if self._listener is None:
            raise RuntimeError("this FakeProvider has not started; use it in a with statement")
        scheme = "https" if self._server_tls else "http"
        return f"{scheme}://{LOOPBACK}:{self._listener.number}"

    @property
    def openai_base_url(self) -> str:
        """What the openai client takes as ``base_url``."""
        return f"{self.base_url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """What the anthropic client takes as ``base_url``."""
        return self.base_url

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests that arrived, oldest first; a refused connection is none."""
        return self._answering.requests

    @property
    def attempts(self) -> int:
        """How many attempts have met a step of the script or its end, refused ones included."""
        return self._answering.player.attempts

    def play(self, script: ScriptLike) -> None:
        """Replace what is left of the script by another; attempts go on counting.

        Threads may call it. What is being answered goes on as it was planned. Raises
        `ScriptError` for a script that cannot be played, and for ``refuse-connection``: in the
        new script, or as the step that is due in the old one.
        """
        parsed = Script.parse(script)
        self._answering.play(parsed)
        self.script = parsed

    def start(self) -> None:
        """Bind the port and start; raises `OSError` for a port in use."""
        if self._closed or self._listener is not None:
            state = "closed" if self._closed else "running"
            raise RuntimeError(
                f"this FakeProvider is {state}; make a new one, it plays its script once"
            )
        self._listener = Listener(self._answering, self._wanted_port, self._server_tls, self._sleep)

    def close(self) -> None:
        """Cancel what is still being answered, and give back socket, thread and port."""
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
        """Close; it waits for no client, so the caller's loop stands still for an instant only."""
        self.close()
