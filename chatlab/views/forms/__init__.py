"""Widgets to try things in a notebook."""
