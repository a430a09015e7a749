"""Recipes that run real software on loopback and record what it says when a call fails.

``python -m chatlab.lab.capture [PROGRAM] [FAULT]`` captures; ``--check`` compares with the
samples, ``--list`` lists what can be captured. A recipe is a program (`programs`) or server
(`servers`) and a fault that it meets (`faults`); the drivers make the call, the origin plays the
fault, `settle` removes what differs from run to run.
"""

from chatlab.lab.capture.observation import CaptureError
from chatlab.lab.capture.recipes import Recipe, captured, recipes

__all__ = ["CaptureError", "Recipe", "captured", "recipes"]
