"""One turn, many viewers."""
