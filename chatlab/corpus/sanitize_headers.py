"""Which headers of a failure are kept: an allow-list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from chatlab.corpus.placeholders import WORD, Ledger

ALLOWED_HEADERS: Final = frozenset(
    {"retry-after", "retry-after-ms", "x-should-retry", "content-type", "server", "cf-ray", "via"}
)
ALLOWED_FAMILIES: Final = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-")
EVIDENCE_HEADERS: Final = frozenset({"x-amzn-errortype", "x-ms-error-code", "policy-id"})
"""Headers beyond the allow-list that hold an error code, without which the verdict would change."""


def with_allowed_headers(record: Mapping[str, object], ledger: Ledger) -> dict[str, object]:
    """A copy of `record` whose headers are all on the list; `ledger` notes what was left out.

    ``cf-ray`` stays without its value. ``date`` stays where ``retry-after`` is a date, which is
    measured from it.
    """
    headers = record.get("headers")
    if headers is None:
        return dict(record)
    if not isinstance(headers, Mapping):
        ledger.drop("header", "headers")
        return {**record, "headers": {}}
    kept: dict[object, object] = {}
    names = {name: str(name).strip().lower() for name in headers}
    dated = any(
        low == "retry-after" and not str(headers[name]).replace(".", "", 1).strip().isdecimal()
        for name, low in names.items()
    )
    for name, low in names.items():
        if low == "cf-ray":
            kept[name] = WORD
            if headers[name] != WORD:
                ledger.drop("request id", "headers.cf-ray")
        elif (
            low in ALLOWED_HEADERS
            or low in EVIDENCE_HEADERS
            or low.startswith(ALLOWED_FAMILIES)
            or (dated and low == "date")
        ):
            kept[name] = headers[name]
        else:
            harmless = re.fullmatch(r"[a-z][a-z-]{0,40}", low)
            ledger.drop("header", f"headers.{low if harmless else '(another)'}")
    return {**record, "headers": kept}
