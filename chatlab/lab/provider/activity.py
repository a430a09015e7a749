"""Whether a provider still has something to do, for clocks that move only when nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PASSES: Final = 20
"""Passes of the loop in which nothing happens before it counts as idle.

A connection that has just arrived with its request takes about six until its answer begins.
"""


class Activity:
    """The answers that are in progress. Used in the provider's own loop only."""

    def __init__(self) -> None:
        self._running = 0
        self._answers = 0
        self._changed = asyncio.Event()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """An answer is in progress: it is computed, delayed by the script or written."""
        self._running += 1
        self._answers += 1
        try:
            yield
        finally:
            self._running -= 1
            self._changed.set()

    async def idle(self) -> None:
        """Return when no answer is in progress and all that had arrived has been read."""
        quiet = 0
        while quiet < PASSES:
            while self._running:
                self._changed.clear()
                await self._changed.wait()
                quiet = 0
            before = self._answers
            await asyncio.sleep(0)
            quiet = quiet + 1 if before == self._answers else 0
