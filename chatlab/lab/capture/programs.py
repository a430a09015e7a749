"""The programs that are run against an origin; the servers are in `servers`.

A program that words two faults alike, or as another program does, meets only one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.lab.capture.other_programs import OTHER_PROGRAMS
from chatlab.lab.capture.program import Program
from chatlab.lab.capture.python_programs import PYTHON_PROGRAMS

PROGRAMS: Final[Mapping[str, Program]] = {
    one.name: one for one in (*PYTHON_PROGRAMS, *OTHER_PROGRAMS)
}
"""Every program by its name."""
