"""Removes secrets and personal data from any text or payload."""
