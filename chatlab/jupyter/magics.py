"""``%load_ext chatlab``: paste an error into a cell, look into the corpus.

``%%classify [PROVIDER]`` judges the text of its cell. ``%corpus [WORD ...]`` shows the samples
whose ids contain all words, or, given one whole id, that sample's verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from chatlab.errors import Verdict


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; called by ``%load_ext chatlab``."""
    shell.magics_manager.register_function(classify_cell, "cell", "classify")
    shell.magics_manager.register_function(corpus_line, "line", "corpus")


def classify_cell(line: str, cell: str) -> Verdict:
    """The verdict on the cell's text; the line may name the provider."""
    from chatlab.errors import classify

    return classify(cell, provider=line.strip() or None)


def corpus_line(line: str) -> Verdict | pd.DataFrame:
    """The samples that the line's words choose, or the verdict on the one it names."""
    from chatlab.corpus import Corpus
    from chatlab.errors import classify

    corpus = Corpus.load()
    words = line.split()
    if len(words) == 1 and words[0] in corpus:
        return classify(corpus[words[0]])
    frame = corpus.to_frame()
    chosen = [all(word in name for word in words) for name in frame.index]
    return frame.loc[chosen, ["kind", "retryable", "status_code", "retry_after_s", "why"]]
