"""Providers, vendors, gateways and servers: one TOML file each, with what is known of them."""

from chatlab.errors.providers.provider import GENERIC, Fact, Provider
from chatlab.errors.providers.registry import SHIPPED, Providers, shipped_facts

__all__ = ["GENERIC", "SHIPPED", "Fact", "Provider", "Providers", "shipped_facts"]
