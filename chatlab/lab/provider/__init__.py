"""A fake provider on a real loopback socket."""
