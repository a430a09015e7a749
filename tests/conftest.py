"""Fixtures for all tests."""

from support.sockets import closed_port, serve

__all__ = ["closed_port", "serve"]
