"""The servers that are run in front of an origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.lab.capture.gateways import GATEWAYS
from chatlab.lab.capture.proxies import PROXIES
from chatlab.lab.capture.server import Server

SERVERS: Final[Mapping[str, Server]] = {one.name: one for one in (*PROXIES, *GATEWAYS)}
"""Every server by its name."""
