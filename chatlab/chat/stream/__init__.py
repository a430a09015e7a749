"""One streamed answer without I/O: contracts, guards, accumulation, attempts."""
