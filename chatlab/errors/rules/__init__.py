"""The rules, in the order in which they are tried; the first that holds decides.

The order is a contract. Strongest evidence first:

1. a person's interruption; the caller's own gates, processes and time limits where nobody had
   answered; then a history that cannot be continued as it was sent;
2. a provider's own code, where that code can mean only one thing;
3. words about money, a gateway's switched-off provider or missing key, a saturated provider;
4. credentials refused by code or words, then a refused model or setting, whatever the status;
5. a limit that opens only after more than a day; the HTTP status where it blames the caller;
6. a bug of the caller's own; the transport's typed error and words, then the statuses of an edge
   or server;
7. class names of client libraries, which prove nothing when anything above spoke.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chatlab.errors.providers import shipped_facts
from chatlab.errors.rules.access import AUTH_BY_STATUS, AUTH_STRONG, GATEWAY
from chatlab.errors.rules.caller import OWN_CODE, OWN_LIMITS, READER
from chatlab.errors.rules.capacity import (
    MONEY_BY_CODE,
    MONEY_BY_WORDS,
    OVERLOADED_BY_CODE,
    OVERLOADED_BY_WORDS,
    RATE_LIMIT,
    RATE_LIMIT_BY_CODE,
    WAIT,
)
from chatlab.errors.rules.continuity import CANCELLED, CONTINUITY, INTERRUPTED, OWN_DEADLINE
from chatlab.errors.rules.fallback import (
    CLASS_NAMES,
    CLIENT_STATUS,
    REQUEST_BY_CODE,
    SERVER,
    SERVER_SAID,
)
from chatlab.errors.rules.request import CONFIG, CONTENT_BY_CODE, CONTENT_BY_WORDS, PASSING_OR_NOT
from chatlab.errors.rules.rule import Rule
from chatlab.errors.rules.table import RuleTable
from chatlab.errors.rules.transport import STARTUP, TIMEOUT_BEFORE_STATUS, TRANSPORT

_ORDERED: Final[tuple[Rule, ...]] = (
    *INTERRUPTED,
    *OWN_LIMITS,
    *READER,
    *CONTINUITY,
    *OVERLOADED_BY_CODE,
    *MONEY_BY_CODE,
    *MONEY_BY_WORDS,
    *GATEWAY,
    *STARTUP,
    *OVERLOADED_BY_WORDS,
    *RATE_LIMIT_BY_CODE,
    *CONTENT_BY_CODE,
    *PASSING_OR_NOT,
    *AUTH_STRONG,
    *CONFIG,
    *CONTENT_BY_WORDS,
    *RATE_LIMIT,
    *AUTH_BY_STATUS,
    *TIMEOUT_BEFORE_STATUS,
    *WAIT,
    *REQUEST_BY_CODE,
    *CLIENT_STATUS,
    *OWN_CODE,
    *OWN_DEADLINE,
    *SERVER_SAID,
    *TRANSPORT,
    *SERVER,
    *CANCELLED,
    *CLASS_NAMES,
)


RULES: Final = RuleTable(replace(rule, documented=shipped_facts(rule.id)) for rule in _ORDERED)
"""The rules that chatlab ships."""

__all__ = ["RULES"]
