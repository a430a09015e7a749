"""Run the command with ``python -m chatlab.cli``."""

import sys

from chatlab.cli import main

sys.exit(main())
