"""The request of a long history beside another checkout: ``python -m tests.bench.bench_history DIR``.

Both make the request of the same turn ten times in a row, in turns, each in a process of its own; what counts is the
CPU time of the process. From a store the time begins with the load, from JSON with decoded objects.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).parents[2]
MESSAGES: Final = 300
ROUNDS: Final = 20
IN_A_ROW: Final = 10
CASES: Final = (
    "chained from store",
    "replayed from store",
    "chained from JSON",
    "replayed from JSON",
)

_WORK: Final = """
import hashlib, json, sys, time
from chatlab.chat import Store

try:
    from chatlab.chat.chain.steps import Steps
    from chatlab.chat.messages.message import Message, encode
except ImportError:
    from chatlab.chat.history import Message, encode
    from chatlab.chat.steps import Steps

stored = json.loads(sys.stdin.readline())
store = Store(":memory:")
store.commit("chat", stored)

def request(case):
    load = (lambda: store.history("chat")) if "store" in case else (lambda: stored)
    asked = (Message("user", "And in Paris?"),)
    options = dict(model="gpt-5", store=True, plan_mode=False, request={}, on_lost=None)
    return Steps(load, asked, chain="chained" in case, **options).request()

for case in sys.stdin:
    case, times = case.rsplit(",", 1)
    begin = time.process_time()
    for _ in range(int(times)):
        made = request(case)
    spent = (time.process_time() - begin) / int(times)
    text = json.dumps(made, sort_keys=True).encode()
    print(json.dumps([spent, len(text), hashlib.sha256(text).hexdigest()]), flush=True)
"""


def conversation(messages: int = MESSAGES) -> list[dict[str, object]]:
    """A history as JSON: questions, answers with reasoning, every other turn with a tool."""
    made: list[dict[str, object]] = [{"role": "system", "parts": [_text("Be brief. " * 20)]}]
    turn = 0
    while len(made) < messages:
        turn += 1
        made.append({"role": "user", "parts": [_text(f"Question {turn}: why? " * 10)]})
        kept = {"response_id": f"resp_{turn}", "model": "gpt-5", "stored": True}
        think = {"type": "reasoning", "text": "I think. " * 20, "id": f"rs_{turn}"}
        if turn % 2:
            call = {
                "type": "tool_call",
                "id": f"call_{turn}",
                "name": "look",
                "item_id": f"fc_{turn}",
            }
            call["arguments"] = '{"city": "Paris"}'
            result = {
                "type": "tool_result",
                "call_id": f"call_{turn}",
                "text": "Sunny, 21 °C. " * 30,
            }
            made.append({"role": "assistant", "parts": [think, call], **kept})
            made.append({"role": "tool", "parts": [result]})
        kept["response_id"] += "b"
        made.append({"role": "assistant", "parts": [_text(f"Answer {turn}. " * 60)], **kept})
    return made


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _ask(run: subprocess.Popen[str], line: str) -> list[object]:
    assert run.stdin is not None
    assert run.stdout is not None
    run.stdin.write(line + "\n")
    run.stdin.flush()
    answer: list[object] = json.loads(run.stdout.readline())
    return answer


def main(other: str) -> None:
    """Print the medians of both checkouts, and how many times faster this one is."""
    with ExitStack() as stack:
        pipe = subprocess.PIPE
        runs = []
        for code in (Path(other).resolve(), ROOT):
            environment = {**os.environ, "PYTHONPATH": str(code)}
            command = [sys.executable, "-P", "-c", _WORK]
            run = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
            runs.append(stack.enter_context(run))
            assert run.stdin is not None
            run.stdin.write(json.dumps(conversation()) + "\n")
        for case in CASES:
            spent: list[list[float]] = [[], []]
            for number in range(ROUNDS):
                answers = [_ask(run, f"{case},{IN_A_ROW}") for run in runs]
                if answers[0][1:] != answers[1][1:]:
                    raise SystemExit(f"{case}: the requests differ")
                for seconds, answer in zip(spent, answers, strict=True):
                    if number and isinstance(answer[0], float):
                        seconds.append(answer[0])
            was, now = map(median, spent)
            print(
                f"{case}: {was * 1e3:.2f} ms, now {now * 1e3:.2f} ms, {was / now:.1f} times faster"
            )


if __name__ == "__main__":
    main(sys.argv[1])
