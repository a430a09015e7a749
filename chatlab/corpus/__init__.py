"""Real failures with their expected verdicts, and what is done with them."""

from chatlab.corpus.check import Report, Result, check, check_sample
from chatlab.corpus.library import Corpus
from chatlab.corpus.sample import Sample, SampleError

__all__ = ["Corpus", "Report", "Result", "Sample", "SampleError", "check", "check_sample"]
