"""Removes secrets and personal data from a failure and keeps what its verdict depends on.

Headers are kept by an allow-list. Every other text is searched for keys, tokens, ids, addresses
and names, by our own patterns and, where it is installed, by a secret detector. Each finding is
replaced by a placeholder of the same shape (``sk-REDACTED``, ``req_REDACTED_2``, ``203.0.113.7``).
Sanitizing a sanitized text changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from chatlab.corpus.sample import SampleError
from chatlab.corpus.sanitizer.adjacent import redact_neighbours
from chatlab.corpus.sanitizer.credentials import (
    redact_credentials,
    redact_masked,
    redact_prefixed,
    redact_schemes,
    redact_tokens,
)
from chatlab.corpus.sanitizer.detector import detected
from chatlab.corpus.sanitizer.escapes import Literals, redact_escaped
from chatlab.corpus.sanitizer.headers import with_allowed_headers
from chatlab.corpus.sanitizer.hosts_and_paths import redact_hosts, redact_paths
from chatlab.corpus.sanitizer.identities import redact_identities
from chatlab.corpus.sanitizer.json_walk import Change, changed, texts_in
from chatlab.corpus.sanitizer.key_value import (
    Take,
    redact_flags,
    redact_pairs,
    redact_sentences,
)
from chatlab.corpus.sanitizer.placeholders import NUMBER, WORD, RedactionLog, Removed, is_trivial
from chatlab.corpus.sanitizer.sensitive_names import lookup_key, must_redact
from chatlab.text.randomness import is_random
from chatlab.text.secrets import start

_UNTOUCHED: Final = frozenset(
    (
        *("provider", "surface", "status", "body_file", "expected", "accept"),
        *("confidence", "provenance", "redactions"),
    )
)
_STEPS: Final = (
    redact_credentials,
    redact_prefixed,
    redact_masked,
    redact_flags,
    redact_pairs,
    redact_sentences,
    redact_schemes,
    redact_identities,
    redact_hosts,
    redact_paths,
    redact_tokens,
    redact_neighbours,
)
_MAX_ROUNDS: Final = 8
_MIN_SPREAD_CHARS: Final = 8
_PIECE_CHARS: Final = 8_000
_BEFORE: Final = re.compile(start())
_KEY_HEAD: Final = re.compile(r"(?:[A-Za-z]{2,6}[-_]){1,3}")
_LETTERS: Final = re.compile(r"[^\W\d_]{3,}")
_FILLED: Final = re.compile(
    r"""(?<![\w.@+/:-])(?:[\w.-]+["']?\s{0,3}[:=]\s{0,3}["']?)?"""
    rf"[\w.@+/:-]*{WORD}(?:_\d+)?[\w.@-]*"
)


@dataclass(frozen=True, slots=True)
class Sanitized:
    """A corpus record without secrets. removed: what was removed, in the order of finding."""

    record: dict[str, object]
    removed: tuple[Removed, ...]

    @property
    def problem(self) -> str | None:
        """The message when everything was secret and no failure is left; otherwise None."""
        values = [self.record.get(name) for name in ("headers", "body", "exception", "text")]
        texts = (text for value in values for key, text in texts_in(value, "value") if key)
        if (
            not self.removed
            or self.record.get("status") is not None
            or any(_LETTERS.search(_FILLED.sub(" ", text)) for text in texts)
        ):
            return None
        kinds = ", ".join(dict.fromkeys(one.kind for one in self.removed))
        return (
            f"everything in it was secret ({kinds}) and nothing is left that says what failed; "
            "give the status or the error message too"
        )

    def __str__(self) -> str:
        return "\n".join(map(str, self.removed)) or "nothing was removed"


@dataclass(frozen=True, slots=True)
class SanitizedText:
    """A text without secrets. removed: what was removed, in the order of finding."""

    text: str
    removed: tuple[Removed, ...]


def sanitize(record: Mapping[str, object]) -> Sanitized:
    """`record`, a corpus record or a part of one, without secrets and personal data.

    >>> sanitize({"text": "refused: Bearer aB3dE5gH7jK9mN1pQ3rS"}).record
    {'text': 'refused: Bearer REDACTED', 'redactions': ['token']}

    Parameters
    ----------
    record : mapping
        It is not changed.

    Returns
    -------
    Sanitized
        A copy whose ``redactions`` names the kinds that were removed.

    Raises
    ------
    SampleError
        The record is nested too deeply to be searched.
    """
    try:
        log = RedactionLog(text for _, text in texts_in(record))
        cleaned = _searched(with_allowed_headers(record, log), log)
    except RecursionError:
        raise SampleError("record: nested too deeply to be searched; give it as text") from None
    removed = log.removed()
    if removed:
        known = record.get("redactions")
        kinds = list(known) if isinstance(known, list) else []
        found = dict.fromkeys(one.kind for one in removed)
        cleaned["redactions"] = kinds + [kind for kind in found if kind not in kinds]
    return Sanitized(cleaned, removed)


def sanitize_text(text: str) -> SanitizedText:
    """`text` without secrets and personal data; see `sanitize`.

    >>> sanitize_text("401 for sk-proj-aB3dE5gH7jK9mN1pQ3rS").text
    '401 for sk-proj-REDACTED'
    """
    log = RedactionLog([text])
    cleaned = _searched({"text": text}, log)
    return SanitizedText(str(cleaned["text"]), log.removed())


def _searched(record: dict[str, object], log: RedactionLog) -> dict[str, object]:
    """`record`, searched until nothing is found; a value found once is removed everywhere."""
    search = partial(_without_secrets, log=log, settled=set())
    for _ in range(_MAX_ROUNDS):
        record = _fields(record, search)
        values = _values_to_spread(record, log)
        if not values:
            break
        literals = Literals(values)
        spread = partial(_without_values, values=values, literals=literals, log=log)
        before, record = record, _fields(record, spread)
        if record == before:
            break
    return record


def _fields(record: dict[str, object], change: Change) -> dict[str, object]:
    return {
        name: value if name in _UNTOUCHED else changed(value, change, name, name)
        for name, value in record.items()
    }


def _without_secrets(
    where: str, key: str, text: str, bare: bool, log: RedactionLog, settled: set[tuple[str, str]]
) -> str:
    def take(kind: str, value: str, form: str) -> str:
        return log.take(kind, where, value, form)

    named = lookup_key(key)
    if not bare and (key, text) not in settled and not (named and must_redact(named, text)):
        text = "".join(_until_nothing_is_found(piece, take) for piece in _pieces(text))
    if named and must_redact(named, text):
        text = take(named.kind, text, NUMBER if bare else named.form)
    settled.add((key, text))
    return text


def _until_nothing_is_found(text: str, take: Take) -> str:
    for _ in range(_MAX_ROUNDS):
        idle = 0
        for step in _STEPS * _MAX_ROUNDS:
            before = text
            text = step(text, take)
            idle = idle + 1 if text == before else 0
            if idle == len(_STEPS):
                break
        before, text = text, redact_escaped(text, take, _STEPS)
        if text == before:
            break
    return text


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces of complete lines; each is searched by itself."""
    begin = 0
    while len(text) - begin > _PIECE_CHARS:
        end = text.find("\n", begin + _PIECE_CHARS) + 1
        if not end:
            break
        yield text[begin:end]
        begin = end
    yield text[begin:]


def _values_to_spread(record: dict[str, object], log: RedactionLog) -> dict[str, str]:
    """Random-looking values and the detector's findings, removed everywhere, with their kinds."""
    lines = dict.fromkeys(f"{key}: {text}" for key, text in texts_in(record))
    values = {value: kind for value, kind in log.given().items() if is_random(value[:2000])}
    for kind, value in detected("\n".join(lines).replace(WORD, "")):
        if WORD not in value and not is_trivial(value):
            values.setdefault(value, kind)
    return {value: kind for value, kind in values.items() if len(value) >= _MIN_SPREAD_CHARS}


def _without_values(
    where: str,
    key: str,
    text: str,
    bare: bool,
    values: dict[str, str],
    literals: Literals,
    log: RedactionLog,
) -> str:
    if bare:
        return text
    pieces: list[str] = []
    done = 0
    for value, begin, end in literals.find(text):
        if _BEFORE.match(text, begin):
            kind = values[value]
            head = _KEY_HEAD.match(value)
            form = f"{head[0] if head else ''}{{}}"
            pieces += (text[done:begin], log.take(kind, where, value, form))
            done = end
    return "".join((*pieces, text[done:])) if pieces else text
