"""The whole history as input that the provider takes, for each of the three wire protocols.

Two things go wrong with a replay. The history itself may be broken; `pairing` repairs that, and
says what it did. And an API may have no form for a part; then the part is told in words, or left
out where the model can do without. Both are reported with the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chatlab.chat.messages.codec import one_of
from chatlab.chat.messages.history import History
from chatlab.chat.render import anthropic_messages as replay_messages
from chatlab.chat.render import chat_completions as replay_chat
from chatlab.chat.render import openai_responses as replay_responses
from chatlab.chat.render.call_pairing import paired
from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, RESPONSES

_PROTOCOLS = {ANTHROPIC: replay_messages, CHAT: replay_chat, RESPONSES: replay_responses}


@dataclass(frozen=True, slots=True)
class ReplayInput:
    """What to send to replay a history.

    Parameters
    ----------
    request:
        The keyword arguments of the SDK's call that hold the conversation, ``input`` or
        ``messages`` and perhaps ``system``.
    repairs:
        What was wrong with the history, in sentences.
    left_out:
        What the model made and will not see again, in sentences.

    Examples
    --------
    >>> replay_input("chat_completions", [{"role": "user", "parts": "Hi"}]).repairs
    ()
    """

    request: dict[str, Any]
    repairs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def replay_input(
    protocol: str,
    messages: Iterable[object],
    *,
    model: str | None = None,
    references: bool = True,
    strict: bool = False,
) -> ReplayInput:
    """Render a whole history as the input of one request.

    Parameters
    ----------
    protocol:
        One of `contracts.PROTOCOLS`.
    messages:
        As `History.read` takes them.
    model:
        The model configuration that will answer; reasoning of another one is left out, because
        only its maker can read it.
    references:
        Whether the provider still holds what it stored, so that an item may be named by its id
        alone; False after it has lost a response.
    strict:
        Refuse a broken history instead of repairing it.

    Returns
    -------
    ReplayInput
        The request, and what was changed for it.

    Raises
    ------
    ValueError
        For an unknown protocol, a message that cannot be read, a broken history if strict, and a
        history that holds nothing to send.

    Examples
    --------
    >>> history = [{"role": "user", "parts": "Hi"}, {"role": "assistant", "parts": "Hello."}]
    >>> replay_input("chat_completions", history).request["messages"][1]
    {'role': 'assistant', 'content': 'Hello.'}
    """
    api = _PROTOCOLS[one_of(_PROTOCOLS, protocol, "replay_input: protocol")]
    whole = paired(History.read(messages).whole(), api.LIMITS)
    if strict and whole.repairs:
        raise ValueError("\n".join(whole.repairs))
    left_out: list[str] = []
    request = api.request(whole.messages, model, references, left_out)
    if not any(request.values()):
        raise ValueError("replay_input: the history holds nothing to send; add a user message")
    return ReplayInput(request, whole.repairs, tuple(left_out))
