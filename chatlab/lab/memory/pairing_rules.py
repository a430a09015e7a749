"""Which items belong together in the context of an OpenAI Responses request.

An item that was made right after a reasoning item is accepted with it only, directly before it,
and that reasoning item with its follower only. The API knows the pairs by their ids alone: also
when it has stored neither of the two. A web search call always needs a reasoning item before it.
Each call of a local tool has one output after it, and each output a call before it.

The words are the API's, as reported with status 400, param ``input`` and no code: an output that
is missing (bytedance/trae-agent 245; custom tools diegosouzapw/OmniRoute 8946), a call that is
missing (microsoft/vscode 320060), reasoning that is missing (massgen/MassGen 653), its follower
(continuedev/continue 8933), an id that is there twice (continuedev/continue 10723). For a
``call_id`` that is there twice no words of OpenAI's own are known; these are those of strict
compatible providers (NousResearch/hermes-agent 102629, earendil-works/pi 9057).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from chatlab.lab.memory.input_items import Item
from chatlab.lab.protocols.exchange import InputRefused

_CALLS: Final = {
    "function_call": "function call",
    "custom_tool_call": "custom tool call",
    "local_shell_call": "local shell call",
    "shell_call": "shell call",
    "apply_patch_call": "apply patch call",
    "computer_call": "computer call",
}
_OUTPUTS: Final = {f"{kind}_output": kind for kind in _CALLS}
_ASKED: Final = frozenset({"system", "developer", "user"})


@dataclass(slots=True)
class ItemPairs:
    """The pairs that the provider has made: what follows a reasoning item, and what leads it.

    followers: by the id of a reasoning item the id of the item after it, None for the last item
    of an output. leaders: the same pairs, the other way round.
    """

    followers: dict[str, str | None] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)

    def learn(self, output: Sequence[Item]) -> None:
        """Note the pairs in an output, whose items all have ids."""
        for item, after in pairwise((*output, None)):
            if item is not None and item["type"] == "reasoning":
                self.followers[item["id"]] = after["id"] if after else None
                if after:
                    self.leaders[after["id"]] = item["id"]

    def check(self, context: Sequence[Item]) -> None:
        """Raise `InputRefused` for an item that is sent without the other half of its pair.

        Reasoning that this provider did not make must be followed by something a model made.
        """
        for before, item, after in zip(
            (None, *context), context, (*context[1:], None), strict=False
        ):
            own = str(item.get("id"))
            leader = self.leaders.get(own)
            is_led = before is not None and before["type"] == "reasoning"
            if leader is None and item["type"] == "web_search_call" and not is_led:
                leader = f"rs_{own.partition('_')[2]}"
            if leader is not None and (before is None or before.get("id") != leader):
                raise _refused(
                    f"Item '{own}' of type '{item['type']}' was provided without its required"
                    f" 'reasoning' item: '{leader}'."
                )
            if item["type"] == "reasoning" and not self._followed(own, after):
                raise _refused(
                    f"Item '{own}' of type 'reasoning' was provided without its required"
                    " following item."
                )

    def _followed(self, own: str, after: Item | None) -> bool:
        if after is None:
            return False
        if own in self.followers:
            return self.followers[own] is not None and after.get("id") == self.followers[own]
        return after.get("role") not in _ASKED and after["type"] not in _OUTPUTS


def check_unique(context: Iterable[Item]) -> None:
    """Raise `InputRefused` for an item id that is there twice."""
    seen: set[str] = set()
    for item in context:
        own = item.get("id")
        if own in seen:
            raise _refused(
                f"Duplicate item found with id {own}. Remove duplicate items from your input and"
                " try again."
            )
        seen |= {own} if own else set()


def check_calls(context: Sequence[Item]) -> None:
    """Raise `InputRefused` unless each call has one output after it, and each output its call."""
    paired = [
        (item["type"], str(item["call_id"]))
        for item in context
        if item["type"] in _CALLS or item["type"] in _OUTPUTS
    ]
    counts = Counter(paired)
    for (kind, call_id), count in counts.items():
        if count > 1 and kind in _OUTPUTS:
            call = _OUTPUTS[kind]
            raise _refused(
                f"Duplicate {kind} for call_id '{call_id}'. Each {call} must have exactly one"
                f" matching {kind}"
            )
    open_calls: dict[tuple[str, str], None] = {}
    for kind, call_id in paired:
        if kind in _CALLS:
            if counts[kind, call_id] > 1:
                raise _refused(f"Duplicate 'call_id': {call_id}")
            open_calls[kind, call_id] = None
            continue
        call = _OUTPUTS[kind]
        if (call, call_id) not in open_calls:
            raise _refused(f"No tool call found for {_CALLS[call]} output with call_id {call_id}.")
        del open_calls[call, call_id]
    for kind, call_id in open_calls:
        raise _refused(f"No tool output found for {_CALLS[kind]} {call_id}.")


def _refused(message: str) -> InputRefused:
    return InputRefused(400, None, message, "input")
