"""Record a stream to the byte, sanitize it, and play it again."""
