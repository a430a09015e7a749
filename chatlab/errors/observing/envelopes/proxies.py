"""Log lines of proxies that say how an exchange ended: HAProxy, nginx, Apache, Caddy, Squid."""

from __future__ import annotations

import re
from typing import Final

from chatlab.errors.observing.envelopes.call import MAX_CALLS, Call
from chatlab.text.patterns import lazy

_HAPROXY: Final = lazy(
    r"(?:^|\s)\d{1,9}(?:/-?\d{1,9}){3,4}\s(?P<status>-?\d{1,3})\s\d{1,15}\s\S{1,80}\s\S{1,80}\s"
    r"(?P<state>[CScsPLRUDKI-][RQCHDLT-][\w-]{2})\s"
)
_LOG_LINE: Final = lazy(r"\s{0,4}(?:\d|\[|\{\"|\S{1,60}\s\S{1,60}\s\S{0,60}\s?\[)")
"""How a line of a proxy's log begins: a time, an address, a module, JSON."""
_READER_LEFT: Final = lazy(
    r"client (?:prematurely )?closed (?:keepalive )?connection|client timed out"
    r"|client disconnected|writev?\(\) failed \(32: Broken pipe\)|\" 499 \d"
    r"|aborting with incomplete response.{0,80}context canceled|TCP_\w*ABORTED"
    r"|CLIENT_CLOSED_REQUEST",
    re.IGNORECASE,
)
_CUT: Final = lazy(
    r"Partial results are valid but processing is incomplete"
    r"|AH01110|aborting with incomplete response|TCP_MISS_TIMEDOUT",
    re.IGNORECASE,
)
_MAX_CHARS: Final = 64 * 1024


def proxy_calls(text: str) -> tuple[Call, ...] | None:
    """The exchanges of a proxy's log lines that did not end well; None when they are none."""
    if len(text) > _MAX_CHARS or (" - - " not in text and not _LOG_LINE.match(text)):
        return None
    lines = [line for line in text.splitlines() if line.strip()][:MAX_CALLS]
    calls = [_line(number, line) for number, line in enumerate(lines)]
    known = [call for call in calls if call is not None]
    return tuple(known) if known and len(known) == len(lines) else None


def _line(number: int, line: str) -> Call | None:
    where = f"line {number + 1}"
    ended = _HAPROXY.search(line)
    if ended is not None:
        state, status = ended["state"], int(ended["status"])
        by_reader = state[0] in "Cc"
        broken = state[0] in "SsPUL"
        if not by_reader and (not broken or status >= 400):
            return None
        return Call(
            where,
            failed=True,
            cut=not by_reader,
            reader_left=by_reader,
        )
    if _LOG_LINE.match(line) is None:
        return None
    if _READER_LEFT.search(line):
        return Call(where, failed=True, reader_left=True)
    if _CUT.search(line):
        return Call(where, failed=True, cut=True)
    return None
