"""One call through an official SDK to a fake provider, and what the caller saw of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anthropic
import httpx2
import openai

from chatlab.lab import FakeProvider

Answer: TypeAlias = Any
"""Whatever an SDK returns: its types have nothing in common."""

KEY = "sk-a-secret-that-must-not-stay"
HELLO = {"messages": [{"role": "user", "content": "Hi"}]}
"""The body of a request to the stateless protocols."""

_PLAIN = ssl.create_default_context()


@dataclass
class Seen:
    """What one call gave: the text, the names of the events, the answer or the exception."""

    text: str = ""
    events: list[str] = field(default_factory=list)
    answer: Answer = None
    error: BaseException | None = None

    @property
    def causes(self) -> Iterator[BaseException]:
        """The exception and what lies beneath it."""
        seen = self.error
        while seen is not None:
            yield seen
            seen = seen.__cause__ or seen.__context__

    def caused_by(self, kind: type[BaseException]) -> bool:
        """Whether an exception of this kind is among the causes."""
        return any(isinstance(cause, kind) for cause in self.causes)


@dataclass(frozen=True)
class Caller:
    """An SDK, sync or async, and one of its endpoints."""

    path: str
    is_async: bool

    def __str__(self) -> str:
        return f"{self.path.rpartition('/')[2]}-{'async' if self.is_async else 'sync'}"

    def call(
        self,
        provider: FakeProvider,
        *,
        stream: bool = True,
        http2: bool = False,
        timeout_s: float = 10.0,
        **extra: object,
    ) -> Seen:
        """Make one call with a client of its own, without SDK retries, and read it to its end."""
        options: dict[str, Any] = {"timeout": timeout_s, "trust_env": False}
        options["verify"] = provider.ssl_context or _PLAIN
        if http2:
            options |= {"http2": True, "http1": provider.ssl_context is not None}
        seen = Seen()
        arguments = {**self._arguments(), **extra}
        try:
            if self.is_async:
                asyncio.run(self._acall(provider, options, arguments, stream, seen))
            else:
                with httpx2.Client(**options) as http:
                    self._read(self._create(provider, http)(**arguments, stream=stream), seen)
        except Exception as error:
            seen.error = error
        return seen

    async def _acall(
        self,
        provider: FakeProvider,
        options: dict[str, Any],
        arguments: dict[str, Any],
        stream: bool,
        seen: Seen,
    ) -> None:
        async with httpx2.AsyncClient(**options) as http:
            answer = await self._create(provider, http)(**arguments, stream=stream)
            if stream:
                async for event in answer:
                    self._note(event, seen)
            else:
                self._note_answer(answer, seen)

    def _create(
        self, provider: FakeProvider, http: httpx2.Client | httpx2.AsyncClient
    ) -> Callable[..., Any]:
        client: Any
        if self.path == "/v1/messages":
            kind: Any = anthropic.AsyncAnthropic if self.is_async else anthropic.Anthropic
            url = provider.anthropic_base_url
        else:
            kind = openai.AsyncOpenAI if self.is_async else openai.OpenAI
            url = provider.openai_base_url
        client = kind(base_url=url, api_key=KEY, max_retries=0, http_client=http)
        create: Callable[..., Any] = {
            "/v1/responses": lambda: client.responses.create,
            "/v1/chat/completions": lambda: client.chat.completions.create,
            "/v1/messages": lambda: client.messages.create,
        }[self.path]()
        return create

    def _arguments(self) -> dict[str, Any]:
        messages = [{"role": "user", "content": "What is the answer?"}]
        if self.path == "/v1/responses":
            return {"model": "gpt-5", "input": "What is the answer?"}
        if self.path == "/v1/messages":
            return {"model": "claude", "max_tokens": 64, "messages": messages}
        return {"model": "gpt-5", "messages": messages}

    def _read(self, answer: Answer, seen: Seen) -> None:
        if hasattr(answer, "__next__"):
            for event in answer:
                self._note(event, seen)
        else:
            self._note_answer(answer, seen)

    def _note(self, event: Answer, seen: Seen) -> None:
        if self.path == "/v1/chat/completions":
            choice = event.choices[0] if event.choices else None
            seen.events.append((choice and choice.finish_reason) or "chunk")
            seen.text += (choice and choice.delta.content) or ""
            return
        seen.events.append(event.type)
        if event.type == "response.output_text.delta":
            seen.text += event.delta
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            seen.text += event.delta.text

    def _note_answer(self, answer: Answer, seen: Seen) -> None:
        seen.answer = answer
        if isinstance(answer, openai.types.responses.Response):
            seen.text = answer.output_text
        elif isinstance(answer, openai.types.chat.ChatCompletion):
            seen.text = (answer.choices[0].message.content or "") if answer.choices else ""
        elif isinstance(answer, anthropic.types.Message):
            seen.text = "".join(b.text for b in answer.content or [] if b.type == "text")


PATHS = ("/v1/responses", "/v1/chat/completions", "/v1/messages")
TERMINAL = {
    "/v1/responses": "response.completed",
    "/v1/chat/completions": "stop",
    "/v1/messages": "message_stop",
}
CALLERS = [Caller(path, is_async) for path in PATHS for is_async in (False, True)]
