"""Run a client against a script and log what happens."""
