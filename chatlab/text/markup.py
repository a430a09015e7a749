"""Escaped HTML and text, for every room's reprs.

Colours come from JupyterLab's variables with fallbacks that read on white and on black; without
styles the words still stand in order. No scripts, no ids, no addresses that a page would load.
"""

from __future__ import annotations

import re
from typing import Final

from chatlab.text.palette import HIGHLIGHT, WAITING

MUTED: Final = f"color:var(--jp-ui-font-color2,{WAITING})"
MONOSPACE: Final = "font-family:var(--jp-code-font-family,monospace)"
BOXED: Final = f"border:1px solid {WAITING};border-radius:4px;padding:.4em .6em;margin:.4em 0"
MARKED: Final = f"background:{HIGHLIGHT};color:#000;padding:0 .15em;border-radius:2px"

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)


class Html(str):
    """Text that is already safe markup."""

    __slots__ = ()


def visible(text: str) -> str:
    """`text` with control, zero-width, direction-changing and unpaired characters spelled out."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shortened(text: str, limit: int) -> str:
    """`text`, or its beginning with an ellipsis so that it has at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def safe(content: str) -> Html:
    """`content` as markup: escaped unless it is markup already."""
    from html import escape  # its tables take as long to load as a verdict

    return content if isinstance(content, Html) else Html(escape(visible(content), quote=True))


def tag(name: str, *children: str, style: str = "", **attributes: str) -> Html:
    """One element: `children` are escaped unless they are `Html`; attributes always are."""
    if style:
        attributes["style"] = style
    opening = "".join(f' {key}="{safe(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{opening}>{joined(children)}</{name}>")


def joined(children: tuple[str, ...] | list[str], between: str = "") -> Html:
    """Markup of several children, `between` them an escaped separator."""
    return Html(safe(between).join(safe(child) for child in children))


def highlighted(text: str, spans: list[tuple[int, int]]) -> Html:
    """`text` with the characters of each ``(start, end)`` marked; overlaps are merged."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if end <= position:
            continue
        start = max(start, position)
        parts += [text[position:start], tag("mark", text[start:end], style=MARKED)]
        position = end
    return joined([*parts, text[position:]])


def table(head: list[str], rows: list[list[str]]) -> Html:
    """A table with a head; every cell is escaped unless it is `Html`."""
    cells = tag("tr", *(tag("th", cell, style="text-align:left") for cell in head))
    body = [tag("tr", *(tag("td", cell, style="text-align:left") for cell in row)) for row in rows]
    return tag("table", tag("thead", cells), tag("tbody", *body))
