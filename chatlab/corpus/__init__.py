"""Real failures with their expected verdicts, and what is done with them."""

from chatlab.corpus.adding.capture import Caught
from chatlab.corpus.adding.proposal import Added, Proposal
from chatlab.corpus.checking import Report, Result, check, check_sample
from chatlab.corpus.comparison import diff
from chatlab.corpus.library import Corpus
from chatlab.corpus.mutation.mutation_run import mutate
from chatlab.corpus.mutation.rule_coverage import coverage
from chatlab.corpus.novelty.leave_one_out import leave_one_provider_out
from chatlab.corpus.novelty.novel import novelty
from chatlab.corpus.sample import Sample, SampleError
from chatlab.corpus.sanitizer.sanitizing import sanitize, sanitize_text

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
