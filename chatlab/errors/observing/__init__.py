"""From an exception, a response or any other object to the `Failure` that it shows."""
