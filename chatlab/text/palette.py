"""The colours of figures, cards and reports, by what they mean.

They are of the Okabe-Ito palette, which people with any colour vision tell apart. No figure says
anything by colour alone.
"""

from __future__ import annotations

from typing import Final

RETRY: Final = "#0072B2"
SUCCEEDED: Final = "#009E73"
STOP: Final = "#D55E00"
CHAIN_BROKEN: Final = "#CC79A7"
WAITING: Final = "#767676"
HIGHLIGHT: Final = "#f0e442"
SERIES: Final = ("#000000", "#E69F00", "#56B4E9")
"""Further lines of one figure."""
