"""What is written down of verdicts without regard to the rules that give them.

What a bare status means, and which of two signals wins. Unlike a fact, which names a rule, such a
clause also speaks against a rule that says something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chatlab.errors import Failure, Kind, Raised


@dataclass(frozen=True, slots=True)
class Precedence:
    """One line of the contract: of a failure that shows `seen`, this is right. because: why."""

    because: str
    seen: Mapping[str, object]
    kind: Kind
    retryable: bool
    names_provider: bool = True

    def __str__(self) -> str:
        return f"contract/{self.because}"

    @property
    def failure(self) -> Failure:
        """The failure, ready for `classify`."""
        return Failure(**self.seen)  # type: ignore[arg-type]


_CALLER: Final = (400, 405, 409, 410, 411, 413, 415, 422, 499)
_EDGE: Final = (520, 521, 522, 523, 524, 525, 526, 527, 530)
STATUSES: Final[Mapping[int, tuple[Kind, bool]]] = {
    **dict.fromkeys((401, 403, 407), (Kind.AUTH, False)),
    402: (Kind.USAGE_LIMIT, False),
    404: (Kind.CONFIG, False),
    429: (Kind.RATE_LIMIT, True),
    **dict.fromkeys(_CALLER, (Kind.GENERIC, False)),
    **dict.fromkeys((408, 502, 503, 504, *_EDGE), (Kind.TIMEOUT, True)),
    **dict.fromkeys((500, 501, 505), (Kind.GENERIC, True)),
    529: (Kind.OVERLOADED, True),
}
"""What a bare status means: RFC 9110, RFC 6585, Cloudflare's 52x pages, Anthropic's 529."""

_DAYS: Final = {"retry-after": "259200"}
_CODE_HEADER: Final = "x-ms-error-code"
_OPENS_AFTER_DAYS: Final[Mapping[str, Mapping[str, object]]] = {
    "429": {"status": 429, "headers": _DAYS},
    **{
        code: {"headers": {**_DAYS, _CODE_HEADER: code}}
        for code in ("rate_limit_error", "rate_limit_exceeded")
    },
}
_NO_REASONING: Final = "Item 'ws_1' was provided without its required 'reasoning' item"
_LOST_CHAIN: Final = "previous response cannot be used"
_OWN_LIMIT: Final = "an application's own usage limit is no provider's"

PRECEDENCE: Final[tuple[Precedence, ...]] = (
    Precedence(
        "a history that cannot be continued comes before overload",
        {"status": 529, "text": f"Error: {_NO_REASONING}"},
        Kind.GENERIC,
        False,
    ),
    Precedence(
        "a bug of the program comes before the class of the client that wraps it",
        {
            "exception_type": "openai.APIConnectionError",
            "exception_text": "Connection error.",
            "causes": (Raised("AttributeError", "'NoneType' object has no attribute 'id'"),),
        },
        Kind.GENERIC,
        False,
        names_provider=False,
    ),
    Precedence(
        "an error lost between processes comes before the class that wraps it",
        {
            "exception_type": "openai.APIConnectionError",
            "exception_text": "Connection error.",
            "causes": (Raised("TypeError", "APIStatusError.__init__() missing 2 arguments"),),
        },
        Kind.GENERIC,
        False,
        names_provider=False,
    ),
    Precedence(
        "a reader who left waits for nothing, whatever the status",
        {"status": 503, "attributes": {"reader_left": True}, "provider": "openai"},
        Kind.GENERIC,
        False,
        names_provider=False,
    ),
    Precedence(
        "a lost previous response comes before overload",
        {"status": 529, "text": _LOST_CHAIN},
        Kind.GENERIC,
        True,
    ),
    Precedence(
        "a quota of 0 stays 0 however large the request",
        {"status": 429, "text": "Limit: 0, Requested: 100. quota limit: 0"},
        Kind.USAGE_LIMIT,
        False,
    ),
    *(
        Precedence(
            f"{_OWN_LIMIT}: {code}",
            {"status": 409, "headers": {_CODE_HEADER: code}, "provider": "openai"},
            Kind.USAGE_LIMIT,
            False,
            names_provider=False,
        )
        for code in ("usage_limit", "usage_limit_exceeded", "usage_limit code=insufficient_quota")
    ),
    *(
        Precedence(
            f"a rate limit that opens after days is a plan's allowance: {shown}",
            seen,
            Kind.USAGE_LIMIT,
            False,
        )
        for shown, seen in _OPENS_AFTER_DAYS.items()
    ),
    *(
        Precedence(
            f"on an edge's page the status {status} decides, not the word overloaded",
            {"status": status, "body": "error: the origin is overloaded"},
            Kind.TIMEOUT,
            True,
        )
        for status in _EDGE
    ),
    *(
        Precedence(
            f"{status} blames the caller, whatever the transport's words",
            {"status": status, "text": "connection error"},
            Kind.GENERIC,
            False,
        )
        for status in _CALLER
    ),
    *(
        Precedence(
            f"the words of a {status} do not make it a rate limit",
            {"status": status, "text": "rate limit reached"},
            *STATUSES[status],
        )
        for status in (400, 401, 403, 404, 413, 422)
    ),
    Precedence(
        "Google says of every refilling quota that it is the current one",
        {"status": 429, "text": "You exceeded your current quota.", "provider": "google"},
        Kind.RATE_LIMIT,
        True,
    ),
    Precedence(
        "RESOURCE_EXHAUSTED refills, whatever the sentence beside it",
        {"text": "RESOURCE_EXHAUSTED. You exceeded your current quota."},
        Kind.RATE_LIMIT,
        True,
    ),
    *(
        Precedence(
            f"the status {status} decides, not the word forbidden",
            {"status": status, "text": "the backend said forbidden"},
            *STATUSES[status],
        )
        for status in (404, 500)
    ),
    Precedence(
        "the status blames the caller, whatever deadline ran out meanwhile",
        {"status": 400, "text": "context deadline exceeded"},
        Kind.GENERIC,
        False,
    ),
    Precedence(
        "the caller's own deadline comes before the words of a server's failure",
        {"text": "the server had an error: context deadline exceeded"},
        Kind.TIMEOUT,
        False,
    ),
    Precedence(
        "a server's failure comes before what was cancelled for it",
        {"text": "internal server error: context canceled"},
        Kind.GENERIC,
        True,
    ),
    Precedence(
        "a provider's own code for the request comes before the status 404",
        {"status": 404, "headers": {_CODE_HEADER: "ValidationException"}},
        Kind.GENERIC,
        False,
    ),
    *(
        Precedence(
            f"the class name {name} alone",
            {"exception_type": f"openai.{name}"},
            kind,
            retryable,
        )
        for name, kind, retryable in (
            ("RateLimitError", Kind.RATE_LIMIT, True),
            ("AuthenticationError", Kind.AUTH, False),
            ("NotFoundError", Kind.CONFIG, False),
            ("InternalServerError", Kind.GENERIC, True),
            ("APIConnectionError", Kind.TIMEOUT, True),
        )
    ),
)
"""Which of two signals wins."""


def contract() -> Iterator[Precedence]:
    """The whole contract."""
    for status, (kind, retryable) in STATUSES.items():
        yield Precedence(f"status {status}", {"status": status}, kind, retryable)
    yield from PRECEDENCE
