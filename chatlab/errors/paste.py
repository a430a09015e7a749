"""What people paste: an HTTP dump, a JSON body, an event stream, or just words."""

from __future__ import annotations

import re
from typing import Final

from chatlab.errors.failure import Failure
from chatlab.errors.places import MAX_PARSED_CHARS, parsed

_STATUS_LINE: Final = re.compile(r"^[<\s]*HTTP/[\d.]+\s+(\d{3})\b[^\n]*$", re.MULTILINE)
_HEADER: Final = re.compile(r"^[<\s]*([A-Za-z0-9!#$%&'*+.^_|~-]+):[ \t]*([^\r\n]*)\r?$")


def from_text(text: str) -> Failure:
    """The failure that a pasted `text` shows.

    The last HTTP response of a ``curl -i`` or ``-v`` dump gives status, headers and body; a JSON
    object or array, or an event stream, is a body; anything else is text.
    """
    opening = text[:MAX_PARSED_CHARS]
    status_lines = list(_STATUS_LINE.finditer(opening))
    if status_lines:
        found = _from_dump(text, status_lines[-1])
        if found is not None:
            return found
    if not isinstance(parsed(text), str):
        return Failure(body=text)
    if opening.lstrip().startswith(("event:", "data:")):
        return Failure(body=text)
    return Failure(text=text)


def _from_dump(text: str, status_line: re.Match[str]) -> Failure | None:
    headers: dict[str, object] = {}
    position = status_line.end() + 1
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end]
        if not line.strip(" \t\r<"):
            position = end + 1
            break
        header = _HEADER.match(line)
        if header is None:
            break
        headers.setdefault(header[1], header[2])
        position = end + 1
    if not headers:
        return None
    before = text[: status_line.start()].strip()
    return Failure(
        status=int(status_line[1]),
        headers=headers,
        body=text[position:].strip() or None,
        text=before or None,
    )
