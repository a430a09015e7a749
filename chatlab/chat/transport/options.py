"""What a turn in steps passes to the turn of each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, cast

from chatlab.chat.transport.sdk import Client
from chatlab.retry import Backoff, Clock, warn_if_sdk_retries
from chatlab.text.spelling import suggest


class TurnOptions(TypedDict, total=False):
    """What a `ChainedTurn` passes to the `Turn` of each step; see there."""

    provider: str | None
    policy: Backoff
    clock: Clock
    startup_s: float | None
    silence_s: float | None
    total_s: float | None
    max_events: int | None
    max_chars: int | None


def check_options(names: Iterable[str], caller: str) -> None:
    """Raise TypeError, with the near name, for an unknown option."""
    known = TurnOptions.__annotations__
    for name in names:
        if name not in known:
            hint = suggest(name, known, f"there are {', '.join(known)}")
            raise TypeError(f"{caller}: there is no option {name!r}; {hint}")


def responses_client(client: object, caller: str) -> object:
    """Return `client` with its own retries off; warns at the line that makes the `caller`.

    Raises TypeError if it does not speak OpenAI's Responses.
    """
    if not hasattr(client, "responses"):
        raise TypeError(
            f"{caller}: client is {client!r:.80}, which does not speak OpenAI's Responses; "
            "give an OpenAI or AsyncOpenAI, or use Turn with replay_input"
        )
    if warn_if_sdk_retries(client, switched_off=True, stacklevel=4):
        return cast(Client, client).with_options(max_retries=0)
    return client
