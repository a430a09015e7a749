"""What went wrong: from anything observed of a failed call to a verdict with its evidence."""

from chatlab.errors.classification import classify
from chatlab.errors.failure import Failure
from chatlab.errors.judgement import NO_RULE, NOTHING_FAILED, UNMATCHED
from chatlab.errors.kinds import Kind
from chatlab.errors.observation import Raised, StreamReset
from chatlab.errors.observing.objects import observe, observe_all, with_verdict
from chatlab.errors.payloads import ChatError, ChatStreamRetry, chat_error, last_error
from chatlab.errors.reading.retry_after import Hint
from chatlab.errors.rules import RULES
from chatlab.errors.rules.rule import Evidence, Rule
from chatlab.errors.rules.table import RuleTable
from chatlab.errors.verdict import Verdict

__all__ = [
    "NOTHING_FAILED",
    "NO_RULE",
    "RULES",
    "UNMATCHED",
    "ChatError",
    "ChatStreamRetry",
    "Evidence",
    "Failure",
    "Hint",
    "Kind",
    "Raised",
    "Rule",
    "RuleTable",
    "StreamReset",
    "Verdict",
    "chat_error",
    "classify",
    "last_error",
    "observe",
    "observe_all",
    "with_verdict",
]


def __dir__() -> list[str]:
    return __all__
