"""The client programs that are captured, and how each is run."""
