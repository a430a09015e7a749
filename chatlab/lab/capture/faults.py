"""The faults that any program can be made to meet.

A label belongs to what happened, not to how a program words it; where a program shows something
else than happened, its row in `programs` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.lab.capture.answer_faults import ANSWER_FAULTS
from chatlab.lab.capture.fault import Fault
from chatlab.lab.capture.wire_faults import WIRE_FAULTS

FAULTS: Final[Mapping[str, Fault]] = {one.name: one for one in (*WIRE_FAULTS, *ANSWER_FAULTS)}
"""Every fault by its name."""
