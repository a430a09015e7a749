"""A secret detector that is used beside our own patterns where it is installed.

Kingfisher's rules, in this process and offline: some four hundred kinds of secret. On the planted
payloads of the tests it finds nothing that our own patterns leave.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner


@cache
def _scanner() -> Scanner | None:
    try:
        from kingfisher_sdk import Scanner
    except ModuleNotFoundError:
        return None
    return Scanner()


def detected(text: str) -> list[tuple[str, str]]:
    """Kind and value of each secret that the detector finds in `text`; none without a detector."""
    scanner = _scanner()
    if scanner is None:
        return []
    raw = text.encode("utf-8", "replace")
    found: dict[str, str] = {}
    for finding in scanner.scan(raw):
        place = finding.location
        value = raw[place["start_offset"] : place["end_offset"]].decode("utf-8", "replace")
        if finding.visible and value:
            found.setdefault(value, _kind(finding.rule_id))
    return [(kind, value) for value, kind in found.items()]


def _kind(rule_id: str) -> str:
    return rule_id.rpartition(".")[2].rpartition("/")[2].replace("-", " ")
