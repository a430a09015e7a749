"""Messages, their parts, token usage and events, and the codec that stores them."""
