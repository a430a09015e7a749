"""What a memory holds: stored responses, requests and exchanges."""

from __future__ import annotations

from dataclasses import dataclass

from chatlab.lab.memory.input_items import Item
from chatlab.lab.protocols.exchange import Refusal


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response that the provider keeps.

    Parameters
    ----------
    id : str
        The response's id.
    status : str
        ``completed`` or ``incomplete``.
    previous_response_id : str or None
        The response that it continues.
    model : str
        As the request named it.
    context : tuple of dict
        The items of the complete chain, oldest first: each request's input and its output, up to
        and including this response's.
    """

    id: str
    status: str
    previous_response_id: str | None
    model: str
    context: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What a request means to the memory.

    Parameters
    ----------
    previous_response_id : str or None
        The response to continue.
    sent : tuple of dict
        The items of the request's input.
    context : tuple of dict or None
        What the model would see; None for a refused request.
    refused : Refusal or None
        Why the request is refused.
    stores : bool
        Whether a good answer to it is stored.
    """

    previous_response_id: str | None = None
    sent: tuple[Item, ...] = ()
    context: tuple[Item, ...] | None = None
    refused: Refusal | None = None
    stores: bool = False


@dataclass(frozen=True, slots=True)
class MemoryExchange:
    """One request to ``/v1/responses``, and how it ended.

    Parameters
    ----------
    attempt : int
        From 0, as in `ReceivedRequest`.
    response_id : str or None
        None unless a response began.
    previous_response_id : str or None
        The response that the request continues.
    sent : tuple of dict
        The items of the input, each with its type, texts as parts; empty for unreadable input.
    context : tuple of dict or None
        All items that the model saw: remembered ones first, references resolved. None when no
        response began.
    refused : Refusal or None
        Why the memory refused the request.
    outcome : str or None
        ``completed``, ``incomplete``, ``failed`` (an error in the stream) or ``cut`` (the answer
        stopped before its end); None when no response began.
    bytes_sent : int
        Size of the request's body in bytes.
    tokens_sent : int
        Estimated tokens of the items sent, see `input_items.tokens`.
    context_tokens : int
        Estimated tokens of the context; 0 without one.
    """

    attempt: int
    response_id: str | None
    previous_response_id: str | None
    sent: tuple[Item, ...]
    context: tuple[Item, ...] | None
    refused: Refusal | None
    outcome: str | None
    bytes_sent: int
    tokens_sent: int
    context_tokens: int
