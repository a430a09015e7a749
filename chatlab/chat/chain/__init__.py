"""Whether a request continues a stored response or replays the history, and why."""
