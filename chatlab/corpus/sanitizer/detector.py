"""The secret detector that looks beside our own patterns: Kingfisher's rules, in this process.

It knows some four hundred kinds of secret, many of which our tables do not name, works offline,
and is installed with the extra ``lab``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner


@cache
def _scanner() -> Scanner:
    try:
        from kingfisher_sdk import Scanner
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "sanitizing needs the secret detector kingfisher-secret-scanner: "
            "pip install 'chatlab[lab]'"
        ) from None
    return Scanner()


def detected(text: str) -> list[tuple[str, str]]:
    """The secrets that the detector finds in `text`: kind and value, each as it stands there.

    Raises `ModuleNotFoundError`, which says what to install, when the detector is missing.
    """
    seen = text.encode("utf-8", "replace")
    found: dict[str, str] = {}
    for finding in _scanner().scan(seen):
        place = finding.location
        value = seen[place["start_offset"] : place["end_offset"]].decode("utf-8", "replace")
        if finding.visible and value:
            found.setdefault(value, _kind(finding.rule_id))
    return [(kind, value) for value, kind in found.items()]


def _kind(rule_id: str) -> str:
    return rule_id.rpartition(".")[2].rpartition("/")[2].replace("-", " ")
