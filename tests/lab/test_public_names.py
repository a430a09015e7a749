"""The public names of `chatlab.lab`."""

from __future__ import annotations

import chatlab.lab


def test_completion_shows_every_public_name_and_nothing_else() -> None:
    """In a notebook completion is the documentation."""
    assert dir(chatlab.lab) == sorted(chatlab.lab.__all__)


def test_every_public_name_can_be_loaded() -> None:
    """Each from its own module."""
    for name in chatlab.lab.__all__:
        found = getattr(chatlab.lab, name)
        assert getattr(found, "__name__", name) == name
