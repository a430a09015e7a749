"""The command ``chatlab classify``: the verdict on files, texts or a stream of JSON records."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from chatlab.cli.output import FOUND_DIFFERENCE, WRONG_USE, complain, say
from chatlab.cli.provider_option import add_provider_option, add_providers_option, rules_of
from chatlab.errors import Failure, RuleTable, Verdict, classify, observe, observe_all
from chatlab.errors.observing.envelopes import calls_in

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line of JSON Lines; a longer one is answered with an error."""

_OBSERVED: Final = frozenset({"status", "headers", "body", "exception", "text"})
"""The fields of a record that show a failure."""

_BESIDE: Final = frozenset({"id", "provider"})
"""The fields of a record that only name it."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``chatlab classify`` its arguments."""
    parser.description = (
        "Judge a failure: a log line, a traceback, a curl -i dump, JSON. Prints the verdict, its "
        "evidence and what to do."
    )
    parser.epilog = (
        "Exit status: 0, or 1 when a line of --jsonl holds no JSON object, or 2 for wrong use."
    )
    parser.add_argument(
        "failure",
        nargs="*",
        default=["-"],
        metavar="FILE|TEXT",
        help="a file, - for standard input (the default), or the text of a failure in quotes",
    )
    add_provider_option(parser, "who answered, when the text does not say")
    add_providers_option(parser)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--jsonl", action="store_true", help="one JSON record a line in, one verdict a line out"
    )
    forms.add_argument("--json", action="store_true", help="print one JSON object a failure")
    forms.add_argument(
        "--quiet", action="store_true", help="print the kind, and retry or stop, alone"
    )
    parser.set_defaults(command=_classify)


def _classify(chosen: argparse.Namespace) -> int:
    status, rules = 0, rules_of(chosen)
    given_several, shown = len(chosen.failure) > 1, 0
    for given in chosen.failure:
        if chosen.jsonl:
            with _opened(given) as (lines, name):
                status = max(status, _classify_lines(lines, name, chosen.provider, rules))
            continue
        text = _text(given)
        if text is None:
            return WRONG_USE
        failures = observe_all(text, chosen.provider)
        for number, failure in enumerate(failures):
            name = given if len(failures) == 1 else f"{given}, call {number + 1}"
            heading = given_several or len(failures) > 1
            _print(classify(failure, rules=rules), name, chosen, heading=heading, first=shown == 0)
            shown += 1
    return status


def _print(
    verdict: Verdict, name: str, chosen: argparse.Namespace, *, heading: bool, first: bool
) -> None:
    if chosen.json:
        say(json.dumps({"id": name, **verdict.as_dict()}))
    elif chosen.quiet:
        kind = str(verdict.kind) if verdict.failed else "no failure"
        words = [kind, "retry" if verdict.retryable else "stop"]
        say("\t".join([name, *words] if heading else words))
    else:
        if heading:
            say(f"{'' if first else chr(10)}== {name}")
        _explain(verdict)


def _explain(verdict: Verdict) -> None:
    say(verdict.message)
    if verdict.detail:
        say(f"The provider said: {verdict.detail}")
    say()
    say(verdict.explain())


def _text(given: str) -> bytes | str | None:
    """What `given` names or is; None after a complaint."""
    if given == "-" or _is_there(given):
        with _opened(given) as (stream, _):
            return stream.read()
    if any(letter.isspace() for letter in given.strip()):
        complain("no file has this name; the argument itself is judged as the text of a failure")
        return given
    complain(
        f"{given}: no such file; check the name, or give the text of a failure in quotes or on "
        "standard input"
    )
    return None


def _is_there(given: str) -> bool:
    try:
        return Path(given).exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL character
        return False


@contextmanager
def _opened(given: str) -> Iterator[tuple[IO[bytes], str]]:
    """The bytes that `given` names, and its name for people."""
    if given == "-":
        yield sys.stdin.buffer, "standard input"
    else:
        with Path(given).open("rb") as stream:
            yield stream, given


def _classify_lines(stream: IO[bytes], name: str, provider: str | None, rules: RuleTable) -> int:
    """Answer each line before the next one is read; returns the exit status."""
    status, number = 0, 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if not line.strip():
            continue
        try:
            if len(line.rstrip(b"\n")) > LONGEST_LINE:
                _skip_line(stream, line)
                raise ValueError(f"it has more than {LONGEST_LINE:,} bytes")
            record = json.loads(line.decode("utf-8", "replace"))
            if not isinstance(record, dict):
                raise ValueError(f"the line holds {type(record).__name__}, not an object")
        except (ValueError, RecursionError) as error:
            status = FOUND_DIFFERENCE
            said = f"{name}: line {number}: no JSON object: {str(error)[:200]}"
            say(json.dumps({"line": number, "error": said}), flush=True)
            continue
        verdict = classify(_failure(record), provider, rules)
        say(json.dumps({"id": record.get("id"), **verdict.as_dict()}), flush=True)
    return status


def _skip_line(stream: IO[bytes], piece: bytes) -> None:
    """Read on to the end of the line that `piece` begins."""
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(LONGEST_LINE)


def _failure(record: dict[str, object]) -> object:
    """What a line shows: a record of ours, or else any payload, such as a provider's body."""
    if calls_in(record) is None and _OBSERVED & record.keys() and "error" not in record:
        return Failure.from_record(record)
    provider = record.get("provider")
    if record.keys() <= _BESIDE:
        return Failure.from_record(record)
    return observe(record, provider if isinstance(provider, str) else None)
