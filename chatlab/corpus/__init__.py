"""Real failures with their expected verdicts: load, check, add, compare, sanitize.

The data is the top-level folder ``corpus/``; a file a sample.
"""

from chatlab.corpus.adding.capture import Caught
from chatlab.corpus.adding.label import Decision, Label
from chatlab.corpus.adding.proposal import Added, Proposal
from chatlab.corpus.checking import Report, Result, check, check_sample
from chatlab.corpus.collection import Corpus
from chatlab.corpus.comparison import diff
from chatlab.corpus.library import Library
from chatlab.corpus.mutation.mutation_run import mutate
from chatlab.corpus.mutation.rule_coverage import coverage
from chatlab.corpus.novelty.leave_one_out import leave_one_provider_out
from chatlab.corpus.novelty.report import score_novelty
from chatlab.corpus.sample import Sample, SampleError
from chatlab.corpus.sanitizer.sanitizing import sanitize, sanitize_text

__all__ = [
    "Added",
    "Caught",
    "Corpus",
    "Decision",
    "Label",
    "Library",
    "Proposal",
    "Report",
    "Result",
    "Sample",
    "SampleError",
    "check",
    "check_sample",
    "coverage",
    "diff",
    "leave_one_provider_out",
    "mutate",
    "sanitize",
    "sanitize_text",
    "score_novelty",
]


def __dir__() -> list[str]:
    return __all__
