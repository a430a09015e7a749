"""How other clients wait by default: one row of data each."""
