"""From an observed failure to a sanitized sample file."""
