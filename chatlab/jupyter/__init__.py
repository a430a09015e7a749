"""Line and cell magics for notebooks: ``%load_ext chatlab``."""

from chatlab.jupyter.magics import classify_cell, corpus_line, load_ipython_extension

__all__ = ["classify_cell", "corpus_line", "load_ipython_extension"]


def __dir__() -> list[str]:
    return __all__
