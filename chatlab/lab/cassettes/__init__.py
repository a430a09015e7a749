"""Record a stream to the byte, and save it without secrets."""
