"""Plain text in columns, for terminals and reprs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def aligned(rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table: the first column to the left, the others, numbers, to the right.

    >>> print("\\n".join(aligned([["kind", "right", "wrong"], ["auth", 12, 0]])))
    kind  right  wrong
    auth     12      0
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in cells
    ]
