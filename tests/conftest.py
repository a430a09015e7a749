"""Fixtures and settings for all tests."""

import pytest
from hypothesis import settings
from nbval.plugin import IPyNbCell
from support.sockets import closed_port, serve

__all__ = ["closed_port", "serve"]

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cells of notebooks as slow: each notebook starts a kernel."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.add_marker(pytest.mark.slow)
