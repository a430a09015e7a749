"""What turns cost on a real socket: ``python tests/bench/bench_turns.py``; needs the ``lab`` extra.

Many turns at once against the fake provider, through one official client; each meets an HTTP error
and a broken stream before its answer. Reported: time a turn and an event, and the memory that
repeated rounds add.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from time import perf_counter

import httpx2
from openai import AsyncOpenAI

from chatlab.chat import Turn, TurnEvent
from chatlab.lab import FakeProvider
from chatlab.retry import Backoff

_TURNS = 200
_STEPS = ("http-error:503", "in-band-error:overloaded", "success")
_ROUNDS = 4


async def _round(address: str) -> int:
    """Run all turns at once; returns how many events there were."""
    events: list[TurnEvent] = []
    limits = httpx2.Limits(max_connections=_TURNS)
    http = httpx2.AsyncClient(limits=limits, timeout=600, trust_env=False)
    request = {"model": "gpt-5", "input": "What is the answer?"}
    policy = Backoff(initial_s=0.01)
    async with AsyncOpenAI(base_url=address, api_key="none", http_client=http) as client:
        client = client.with_options(max_retries=0)
        turns = (
            Turn(request, client=client, policy=policy, on_event=events.append)
            for _ in range(_TURNS)
        )
        answers = await asyncio.gather(*(turn.arun() for turn in turns))
    if len({answer.text for answer in answers}) != 1:
        raise RuntimeError("the turns did not all end with the same answer")
    return len(events)


def main() -> int:
    """Print a line a round: turns, events, milliseconds each, and the memory at its highest."""
    script = {"steps": [step for step in _STEPS for _ in range(_TURNS)]}
    print(f"{'turns':>6} {'events':>7} {'ms a turn':>10} {'ms an event':>12} {'peak MB':>8}")
    for _ in range(_ROUNDS):
        with FakeProvider(script) as provider:
            start = perf_counter()
            events = asyncio.run(_round(provider.openai_base_url))
            took_ms = 1e3 * (perf_counter() - start)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        each = f"{took_ms / _TURNS:10.2f} {took_ms / events:12.3f} {peak_mb:8.0f}"
        print(f"{_TURNS:6} {events:7} {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
