"""What went wrong: from anything observed of a failed call to a verdict with its evidence."""

from chatlab.errors.classify import UNMATCHED, classify
from chatlab.errors.failure import Failure, Raised, StreamReset
from chatlab.errors.hints import Hint
from chatlab.errors.kinds import Kind
from chatlab.errors.observe import observe, with_verdict
from chatlab.errors.payloads import ChatError, ChatStreamRetry, chat_error, last_error
from chatlab.errors.rule import Evidence, Rule
from chatlab.errors.rule_table import RuleTable
from chatlab.errors.rules import RULES
from chatlab.errors.verdict import Verdict

__all__ = [
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
    "with_verdict",
]
