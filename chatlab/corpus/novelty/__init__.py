"""How far a failure is from every known sample."""
