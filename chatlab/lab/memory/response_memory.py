"""What a fake OpenAI remembers between the requests to ``/v1/responses``.

`previous_response_id` and item references have to name what was stored, and the context that a
model would see has to be valid; else the request is refused as the real API refuses it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from typing import Any

from chatlab.lab.memory.input_items import Item, previous_id, read_input, tokens
from chatlab.lab.memory.pairing_rules import ItemPairs, check_calls, check_unique
from chatlab.lab.memory.records import MemoryExchange, RequestContext, StoredResponse
from chatlab.lab.protocols.exchange import InputRefused

KEPT = ("completed", "incomplete")
"""The outcomes after which a response is stored."""


class ResponseMemory:
    """The stored responses of one fake provider; threads may share it.

    >>> memory = ResponseMemory()
    >>> asked = memory.ask({"model": "gpt-5", "input": "Hi", "previous_response_id": "resp_1"})
    >>> asked.refused.code
    'previous_response_not_found'

    An answer is stored when it is planned with its last event: it can be continued as soon as a
    client has seen it. An answer that a fault cuts or fails is never stored, nor is one with
    ``store=false``, nor what a cassette replays. A stored response holds the context of its
    complete chain, so it outlives the responses before it. Providers that share a memory need
    scripts with different seeds, or their ids would be the same.

    Parameters
    ----------
    not_found : int
        The status for an unknown `previous_response_id`: 400 as OpenAI answers, or 404 as some
        compatible servers do.
    kept : int or None
        How many responses and exchanges are kept, the latest; None keeps all. A response that is
        not kept has expired.

    Attributes
    ----------
    zero_retention : bool
        May be set at any time. ``store=true`` is then accepted, but nothing is stored, and
        nothing that was stored can be used.

    Raises
    ------
    ValueError
        For another ``not_found``.
    """

    def __init__(self, *, not_found: int = 400, kept: int | None = None) -> None:
        """Begin empty."""
        if not_found not in (400, 404):
            raise ValueError(f"ResponseMemory: not_found is {not_found!r}; give 400 or 404")
        self.zero_retention = False
        self._not_found = not_found
        self._kept = kept
        self._lock = Lock()
        self._responses: dict[str, StoredResponse] = {}
        self._items: dict[str, Item] = {}
        self._sources: dict[str, tuple[str, ...]] = {}
        self._pairs = ItemPairs()
        self._exchanges: deque[MemoryExchange] = deque(maxlen=kept)

    def __repr__(self) -> str:
        """Return the counts."""
        counts = f"{len(self._responses)} responses, {len(self._exchanges)} exchanges"
        return f"ResponseMemory({counts})"

    @property
    def responses(self) -> Mapping[str, StoredResponse]:
        """The stored responses by id, oldest first, as they are now."""
        with self._lock:
            return MappingProxyType(dict(self._responses))

    @property
    def exchanges(self) -> tuple[MemoryExchange, ...]:
        """Every request to ``/v1/responses`` that met the script, in order."""
        with self._lock:
            return tuple(self._exchanges)

    def reset(self) -> None:
        """Begin again with nothing: no responses, no items, no exchanges."""
        with self._lock:
            self.zero_retention = False
            self._responses, self._items, self._sources = {}, {}, {}
            self._pairs = ItemPairs()
            self._exchanges.clear()

    def forget(self, *ids: str) -> None:
        """Let responses with their items, or single items, expire; without ids, all of them.

        Ids that are not stored are ignored.
        """
        with self._lock:
            self._drop(ids or tuple(self._responses))

    def _drop(self, ids: Iterable[str]) -> None:
        """Remove responses with their items, or single items. Hold the lock."""
        for name in ids:
            self._responses.pop(name, None)
            self._items.pop(name, None)
            for item in self._sources.pop(name, ()):
                self._items.pop(item, None)

    def ask(self, body: Mapping[str, Any]) -> RequestContext:
        """Return what a request with this JSON body means, refused or not."""
        asked = RequestContext(stores=body.get("store") is not False)
        try:
            asked = replace(asked, previous_response_id=previous_id(body))
            asked = replace(asked, sent=read_input(body))
            with self._lock:
                return replace(asked, context=self._context(asked))
        except InputRefused as refused:
            return replace(asked, refused=refused.refusal)

    def note(
        self,
        asked: RequestContext,
        attempt: int,
        bytes_sent: int,
        outcome: str | None = None,
        response: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an exchange, and its response if it ended well and the request stores it.

        response: the finished response object; None, like the outcome, if none began.
        """
        begun = outcome is not None and response is not None
        context = asked.context if begun else None
        with self._lock:
            if response is not None and context is not None:
                self._pairs.learn(response["output"])
                if outcome in KEPT and asked.stores and not self.zero_retention:
                    self._store(asked, context, response)
            self._exchanges.append(
                MemoryExchange(
                    attempt=attempt,
                    response_id=response["id"] if begun and response is not None else None,
                    previous_response_id=asked.previous_response_id,
                    sent=asked.sent,
                    context=context,
                    refused=asked.refused,
                    outcome=outcome,
                    bytes_sent=bytes_sent,
                    tokens_sent=tokens(asked.sent),
                    context_tokens=tokens(context or ()),
                )
            )

    def _context(self, asked: RequestContext) -> tuple[Item, ...]:
        """Return what the model would see; raises `InputRefused`. Hold the lock."""
        remembered = self._chain(asked.previous_response_id)
        context = (*remembered, *(self._known(item, asked.stores) for item in asked.sent))
        check_unique(context)
        self._pairs.check(context)
        check_calls(context)
        return context

    def _chain(self, previous: str | None) -> tuple[Item, ...]:
        if previous is None:
            return ()
        if self.zero_retention:
            text = (
                "Previous response cannot be used for this organization due to Zero Data Retention."
            )
            raise InputRefused(400, "unsupported_parameter", text, "previous_response_id")
        if previous not in self._responses:
            raise InputRefused(
                self._not_found,
                "previous_response_not_found",
                f"Previous response with id '{previous}' not found.",
                "previous_response_id",
            )
        return self._responses[previous].context

    def _known(self, item: Item, stores: bool) -> Item:
        """Return the stored item for a reference, any other as it is.

        Reasoning without its encrypted content is looked up too: by value it is a summary only.
        Words and status 404 as in openai/openai-agents-python 722 and can1357/oh-my-pi 41, with
        zero data retention runvendo/vendo 1004.
        """
        is_reference = item["type"] == "item_reference"
        is_bare = item["type"] == "reasoning" and not item.get("encrypted_content")
        own = item.get("id")
        if own is None or not (is_reference or is_bare):
            return item
        if own in self._items and not self.zero_retention:
            return self._items[own] if is_reference else item
        text = f"Item with id '{own}' not found."
        if self.zero_retention:
            text += " Items are not persisted for Zero Data Retention organizations."
        elif not stores:
            text += (
                " Items are not persisted when `store` is set to false. Try again with `store` set"
                " to true, or remove this item from your input."
            )
        raise InputRefused(404, None, text, "input")

    def _store(
        self, asked: RequestContext, context: tuple[Item, ...], response: Mapping[str, Any]
    ) -> None:
        own, output = response["id"], tuple(response["output"])
        self._responses[own] = StoredResponse(
            own,
            response["status"],
            asked.previous_response_id,
            response["model"],
            (*context, *output),
        )
        made = {item["id"]: item for item in output}
        self._items |= made
        self._sources[own] = tuple(made)
        if self._kept is not None:
            self._drop(tuple(self._responses)[: max(len(self._responses) - self._kept, 0)])
