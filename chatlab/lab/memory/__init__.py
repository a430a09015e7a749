"""A fake Responses server that remembers conversations."""
