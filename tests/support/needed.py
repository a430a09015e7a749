"""Programs other than Python that a test runs: CI has them all, a newcomer's machine may not."""

from __future__ import annotations

import os
import shutil

import pytest


def needed(program: str, package: str) -> str:
    """Where `program` is; without it the test fails in CI, and is skipped elsewhere, saying why."""
    found = shutil.which(program)
    if found is not None:
        return found
    reason = f"{program} is not installed; install it with: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
