"""The faults a fake provider can produce, scripts of them, and their effect on an answer."""
