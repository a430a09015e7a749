"""SDK clients, readers of their streams, timeouts and tools."""
