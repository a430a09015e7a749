"""Run the command with ``python -m chatlab``."""

import sys

from chatlab.cli import main

sys.exit(main())
