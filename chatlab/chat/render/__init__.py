"""A stored history as valid input of each API."""
