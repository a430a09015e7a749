"""Real failures with their expected verdicts, and what is done with them."""

from chatlab.corpus.capture import Caught
from chatlab.corpus.check import Report, Result, check, check_sample
from chatlab.corpus.diff import diff
from chatlab.corpus.left_out import leave_one_provider_out
from chatlab.corpus.library import Corpus
from chatlab.corpus.mutate import coverage
from chatlab.corpus.novelty import novelty
from chatlab.corpus.proposal import Added, Proposal
from chatlab.corpus.sample import Sample, SampleError
from chatlab.corpus.sanitize import sanitize, sanitize_text
from chatlab.corpus.trial import mutate

__all__ = [
    "Added",
    "Caught",
    "Corpus",
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
    "novelty",
    "sanitize",
    "sanitize_text",
]
