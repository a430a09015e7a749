"""How text is shown: escaped HTML, plain tables, the palette, the near name; secrets found in it.

Knows nothing of failures.
"""

from chatlab.text.markup import (
    Html,
    highlighted,
    joined,
    safe,
    shortened,
    table,
    tag,
    visible,
)
from chatlab.text.plain_table import aligned
from chatlab.text.spelling import near_names, suggest

__all__ = [
    "Html",
    "aligned",
    "highlighted",
    "joined",
    "near_names",
    "safe",
    "shortened",
    "suggest",
    "table",
    "tag",
    "visible",
]


def __dir__() -> list[str]:
    return __all__
