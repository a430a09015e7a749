"""The proxies and gateways that are captured, and how each is run."""
