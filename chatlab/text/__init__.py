"""Escaped HTML, text tables, colours and spelling suggestions."""
