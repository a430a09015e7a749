"""From anything observed to evidence."""
