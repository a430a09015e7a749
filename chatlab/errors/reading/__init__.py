"""From what was observed to parts with an origin, and from parts to signals."""
