"""Secrets out of an exchange that came in pieces, so that it still comes in the same pieces.

The pieces are joined before they are searched, so a secret that spans a border goes too. A model
says a secret bit by bit as well, each bit in an event of its own: what the events of one kind say
is joined and searched once more. Where a border fell inside a secret, its placeholder is cut in
proportion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any, Final

from chatlab.corpus.sample import SampleError
from chatlab.corpus.sanitizer.json_walk import changed
from chatlab.corpus.sanitizer.placeholders import WORD
from chatlab.corpus.sanitizer.sanitizing import sanitize
from chatlab.lab.protocols.notation import ScriptError

_SAID: Final = re.compile(
    r'"(text|content|delta|arguments|partial_json|input|thinking|reasoning|reasoning_content'
    r'|refusal)"\s*:\s*"(?P<said>(?:[^"\\\n]|\\.)*+)(?:"|\\?\Z)'
)
_TYPE: Final = re.compile(r'data: ?\{\s*"type"\s*:\s*"[^"]*"')
_INDEX: Final = re.compile(r'index"\s*:\s*\d+')
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+|.", re.DOTALL)


def sanitized(
    record: Mapping[str, object], pieces: Sequence[bytes], secrets: Iterable[str]
) -> tuple[dict[str, Any], list[bytes]]:
    """Return ``record`` and the body in ``pieces`` without secrets, in as many pieces as before.

    ``record`` lists its ``redactions``. ``secrets`` are values known to be secret; what else is
    one is found by `chatlab.corpus`. Raises `ScriptError` when the record cannot be searched.
    """
    known = sorted(secrets, key=len, reverse=True)
    before = b"".join(pieces)
    found = _searched({**record, "body": before.decode("utf-8", "surrogateescape")}, known)
    after = found.pop("body").encode("utf-8", "surrogateescape")
    cut = rechunk(
        before.decode("latin-1"), after.decode("latin-1"), list(accumulate(map(len, pieces)))
    )
    return found, [piece.encode("latin-1") for piece in cut]


def rechunk(before: str, after: str, ends: Sequence[int]) -> list[str]:
    """Return ``after`` in pieces that end where those of ``before`` do, which end at ``ends``.

    The last of ``ends`` is the end of ``before``.
    """
    places: list[int] = []
    start = new_start = 0
    old, new = _LINE.findall(before), _LINE.findall(after)
    if len(old) != len(new):
        old, new = [before], [after]
    for line, new_line in zip(old, new, strict=True):
        inside: list[int] = []
        while len(places) + len(inside) < len(ends):
            end = ends[len(places) + len(inside)] - start
            if end > len(line):
                break
            inside.append(end)
        places += (new_start + place for place in _moved(line, new_line, inside))
        start, new_start = start + len(line), new_start + len(new_line)
    places += [len(after)] * (len(ends) - len(places))
    return [after[i:j] for i, j in zip([0, *places], places, strict=False)]


def _moved(line: str, new_line: str, places: Sequence[int]) -> list[int]:
    """Return where in ``new_line`` the places in ``line`` are now."""
    if line == new_line or not places:
        return list(places)
    inner = [place for place in places if place < len(line)]
    at_end = [len(new_line)] * (len(places) - len(inner))
    if not inner:
        return at_end
    tokens, new_tokens = _TOKEN.findall(line), _TOKEN.findall(new_line)
    at = [0, *accumulate(map(len, tokens))]
    new_at = [0, *accumulate(map(len, new_tokens))]
    moved: list[int] = []
    for _, i, j, new_i, new_j in SequenceMatcher(None, tokens, new_tokens).get_opcodes():
        length, new_length = at[j] - at[i], new_at[new_j] - new_at[new_i]
        while len(moved) < len(inner) and inner[len(moved)] < at[j]:
            into = inner[len(moved)] - at[i]
            moved.append(new_at[new_i] + into * new_length // length)
    return moved + at_end


def _searched(record: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """Return ``record`` without secrets in its parts, and in what the events of its body say."""
    body = record["body"]
    runs = _runs(body)
    said = {name: "".join(text for _, text in run) for name, run in runs.items()}
    found = _without({**record, "said": said}, secrets)
    cleaned = found.pop("said")
    places = _runs(found["body"])
    if [*map(len, places.values())] != [*map(len, runs.values())]:
        places, found["body"] = runs, body  # a secret went that had an event's frame inside it
    edits: dict[int, tuple[int, str]] = {}
    for name, run in runs.items():
        if said[name] != cleaned[name]:
            ends = list(accumulate(len(text) for _, text in run))
            cut = rechunk(said[name], cleaned[name], ends)
            for (match, _), text in zip(places[name], cut, strict=True):
                edits[match.start("said")] = match.end("said"), json.dumps(text)[1:-1]
    for start, (end, literal) in sorted(edits.items(), reverse=True):
        found["body"] = found["body"][:start] + literal + found["body"][end:]
    return _without(found, secrets) if edits else found


def _without(record: Mapping[str, object], secrets: Sequence[str]) -> dict[str, Any]:
    """Return ``record`` without what is known to be secret and what looks like it."""

    def hide(where: str, key: str, text: str, bare: bool) -> str:
        for secret in () if bare else secrets:
            text = text.replace(secret, WORD)
        return text

    try:
        known = {name: changed(value, hide, name) for name, value in record.items()}
        return sanitize(known).record
    except (RecursionError, SampleError) as problem:
        raise ScriptError(f"not written, for it cannot be searched: {problem}") from None


def _runs(body: str) -> dict[str, list[tuple[re.Match[str], str]]]:
    """Return what events of the same kind and index say, each with its match in the body."""
    runs: dict[tuple[str, ...], list[tuple[re.Match[str], str]]] = {}
    for line in _LINE.finditer(body):
        if not line[0].startswith("data:"):
            continue
        kind = _TYPE.match(line[0])
        event = (kind[0] if kind else "", *_INDEX.findall(line[0]))
        for match in _SAID.finditer(body, line.start(), line.end()):
            try:
                text = json.loads(f'"{match["said"]}"')
            except ValueError:
                continue
            runs.setdefault((*event, match[1]), []).append((match, text))
    return {str(number): run for number, run in enumerate(runs.values())}
