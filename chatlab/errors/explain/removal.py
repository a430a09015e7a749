"""A failure without some of its evidence, and what it would be then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from chatlab.errors.explain.evidence import Counterfactual
from chatlab.errors.explain.locating import Locator, pattern_of, what_and_value
from chatlab.errors.failure import Failure
from chatlab.errors.judgement import Judgement
from chatlab.errors.kinds import Kind
from chatlab.errors.observation import Raised
from chatlab.errors.reading.fields import MAX_LEAVES
from chatlab.errors.rules.table import RuleTable, lowest

_MOST_TRIES: Final = 6
_MAX_DEPTH: Final = 30
_LETTER: Final = re.compile(r"[A-Za-z]")
_DIGIT: Final = re.compile(r"\d")


def nearest(
    verdict: Judgement,
    failure: Failure,
    table: RuleTable,
    matches: dict[str, int],
    locate: Locator,
) -> Counterfactual | None:
    """The other verdict of `failure` without the least evidence; None when none was found.

    Evidence that stands somewhere is taken out of the failure, which is then judged again: what
    the counterfactual says is what happened. Where a piece stands nowhere, as a sign does, the
    rules are asked what they say without it.
    """
    removed: list[str] = []
    for _ in range(_MOST_TRIES):
        more = _least(verdict, table, matches, removed)
        if not more:
            return None
        removed += more
        shown = [finding for term in removed for finding in locate(term)]
        if not all(finding.where for finding in shown):
            kind, retryable, rule = _outcome(table, matches, removed)
        else:
            try:
                left = without(failure, removed)
            except Exception:  # nothing can be taken out of a value that refuses to be read
                return None
            found = Judgement.of(left, table)
            kind, retryable, rule = found.kind, found.retryable, found.rule
            matches = table.matches(left.signals_among(table.providers))
        if (kind, retryable) != (verdict.kind, verdict.retryable):
            named = dict.fromkeys(removed)
            firsts = [next(iter(locate(term))) for term in named]
            return Counterfactual(kind, retryable, rule, tuple(firsts))
    return None


def _least(
    verdict: Judgement, table: RuleTable, matches: dict[str, int], known: list[str]
) -> list[str]:
    """The fewest terms without which the rules say something else."""
    decided = (verdict.kind, verdict.retryable)
    removed: list[str] = []
    while _outcome(table, matches, removed)[:2] == decided:
        row = lowest(table.combined(_left(matches, removed)).holding)
        if row < 0:
            return []
        removed += [
            term for term, bits in matches.items() if bits >> row & 1 and term not in removed
        ]
    for term in list(removed):
        fewer = [other for other in removed if other != term]
        if fewer and _outcome(table, matches, fewer)[:2] != decided:
            removed = fewer
    return [term for term in removed if term not in known]


def _left(matches: dict[str, int], removed: list[str]) -> list[int]:
    """The bits of what remains; a status goes together with its class."""
    status = any(term.startswith("status:") for term in removed)
    return [
        bits
        for term, bits in matches.items()
        if term not in removed and not (status and term.startswith("status:"))
    ]


def _outcome(
    table: RuleTable, matches: dict[str, int], removed: list[str]
) -> tuple[Kind, bool, str]:
    return table.outcome(lowest(table.combined(_left(matches, removed)).holding))


def without(failure: Failure, terms: Iterable[str]) -> Failure:
    """`failure` with neutral words of the same shape in the place of `terms`, wherever they stand.

    Parameters
    ----------
    failure
        Stays as it is.
    terms
        Codes, phrases (``phrase:...``) and statuses (``status:429``), as in `Signals.terms`.

    Examples
    --------
    >>> without(Failure(status=429, body={"code": "insufficient_quota"}), ["insufficient_quota"])
    Failure(status=429, body={'code': 'xxxxxxxxxxxx_xxxxx'})
    """
    patterns: list[re.Pattern[str]] = []
    status = False
    for term in terms:
        what, value = what_and_value(term)
        if what == "status":
            status, value = True, str(failure.signals.status)
        pattern = pattern_of(what, value)
        if pattern is not None:
            patterns.append(pattern)
    number = failure.signals.status if status else None

    left = MAX_LEAVES

    def spend() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    def clean(value: object, depth: int = 0) -> object:
        if isinstance(value, bytes | bytearray):
            value = bytes(value).decode("utf-8", "replace")
        if isinstance(value, str):
            for pattern in patterns:
                value = pattern.sub(_neutral, value)
            return value
        if isinstance(value, int | float) and value == number and not isinstance(value, bool):
            return None
        if depth < _MAX_DEPTH and isinstance(value, Mapping):
            pairs = islice(value.items(), max(0, left))
            return {key: clean(inner, depth + 1) for key, inner in pairs if spend()}
        if depth < _MAX_DEPTH and isinstance(value, list | tuple):
            return [clean(inner, depth + 1) for inner in islice(value, max(0, left)) if spend()]
        return value

    def text(value: str | bytes | None) -> str | None:
        cleaned = clean(value)
        return cleaned if isinstance(cleaned, str) else None

    def mapping(value: Mapping[str, object] | None) -> Mapping[str, object] | None:
        cleaned = clean(value)
        return cleaned if isinstance(cleaned, Mapping) else None

    return replace(
        failure,
        status=None if status else failure.status,
        headers=mapping(failure.headers),
        body=clean(failure.body),
        exception_type=text(failure.exception_type),
        exception_text=text(failure.exception_text),
        causes=tuple(Raised(text(one.type) or "", text(one.text) or "") for one in failure.causes),
        text=text(failure.text),
        attributes=mapping(failure.attributes),
    )


def _neutral(match: re.Match[str]) -> str:
    """The match with its groups made of `x` and `0`."""
    pieces: list[str] = []
    end = match.start()
    for group in range(1, match.re.groups + 1):
        start, stop = match.span(group)
        pieces += (match.string[end:start], _DIGIT.sub("0", _LETTER.sub("x", match[group])))
        end = stop
    return "".join((*pieces, match.string[end : match.end()]))
