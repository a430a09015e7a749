"""Matplotlib figures that describe themselves in a sentence."""
