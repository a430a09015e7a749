"""Which samples and documents detect that a rule was changed."""
