"""Hostile input: nothing makes `classify` raise or hang, and nothing unsafe comes out of a verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from time import process_time
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatlab.errors import Failure, Kind, Raised, StreamReset, Verdict, classify, with_verdict
from chatlab.errors.reading.retry_after import MAX_HINT_S

KEYS: Final = (
    "sk-abcdefghijklmnopqrstuvwx0123",
    "sk-proj-Ab_Cd-0123456789abcdefghij",
    "sk-ant-api03-abcdefghijklmnop-qrst",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "AKIAIOSFODNN7EXAMPLE",
    "gsk_0123456789abcdefghijABCDEFGHIJ",
    "xai-0123456789abcdefghijABCDEFGHIJ",
    "hf_abcdefghijklmnopqrstuvwxyzABCDEF",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "Bearer abcdefghijklmnopqrstuv",
    "api-key: 0123456789abcdef0123456789abcdef",
)
MARKUP: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<a href='javascript:alert(1)'>x</a>",
    "</span></td></tr></table><script>",
    "[x](javascript:alert(1))",
)
TAGS: Final = {
    *("div", "span", "b", "code", "mark", "table", "thead", "tbody", "tr", "th", "td"),
    *("details", "summary"),
}


class Seen(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def shown(verdict: Verdict) -> dict[str, str]:
    """Everything that a verdict shows of itself, and that must never fail."""
    explanation = verdict.explain()
    return {
        "repr": repr(verdict),
        "str": str(verdict),
        "message": verdict.message,
        "retry message": verdict.retry_message,
        "detail": verdict.detail,
        "explanation": str(explanation),
        "explanation's repr": repr(explanation),
        "evidence": "".join(f"{found.where} {found.excerpt}" for found in explanation.evidence),
        "dict": json.dumps(verdict.as_dict()),
        "html": verdict._repr_html_(),
    }


def holds(thing: object, provider: Any = None) -> Verdict:  # noqa: ANN401
    """Judge `thing`, look at all that is shown, and check what must hold of every verdict."""
    verdict = classify(thing, provider)
    assert type(verdict) is Verdict
    assert isinstance(verdict.kind, Kind)
    assert isinstance(verdict.retryable, bool)
    assert verdict.status_code is None or 100 <= verdict.status_code <= 599
    assert verdict.retry_after_s is None or 0 <= verdict.retry_after_s <= MAX_HINT_S
    assert len(verdict.detail) <= 500
    for where, text in shown(verdict).items():
        text.encode("utf-8")
        if "html" in where:
            page = Seen(text)
            assert page.tags <= TAGS, f"{where}: {page.tags - TAGS}"
            assert page.attributes <= {"style"}, f"{where}: {page.attributes}"
    assert classify(thing, provider) == verdict or isinstance(thing, Iterator)
    return verdict


# --- objects -------------------------------------------------------------------------------------


class Refuses:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        raise RuntimeError("hash")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __iter__(self) -> Iterator[object]:
        raise RuntimeError("iter")


class RefusingError(Exception):
    """An exception that raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> object:
        raise ValueError(name)

    def __str__(self) -> str:
        raise ValueError("str")

    __repr__ = __str__


class SilentError(Exception):
    """An exception with a status, whose text and response cannot be had."""

    status_code = 429

    def __str__(self) -> str:
        raise ValueError("str")

    @property
    def response(self) -> object:
        raise LookupError("response")

    @property
    def body(self) -> object:
        raise LookupError("body")


class LyingError(Exception):
    """An exception that says it is something else."""

    __class__ = dict  # type: ignore[assignment]


class Liar:
    """No exception, whatever it says."""

    __class__ = RuntimeError  # type: ignore[assignment]


class RefusingClass:
    """Raises when it is asked for its class."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("class")

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise RuntimeError("class")


class NamelessType(type):
    """Classes whose names cannot be had."""

    def __getattribute__(cls, name: str) -> object:
        if name in ("__name__", "__qualname__", "__module__", "__mro__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class Nameless(metaclass=NamelessType):
    """An object of such a class."""


class NamelessError(Exception, metaclass=NamelessType):
    """An exception of such a class."""


class RefusingMapping(Mapping[str, object]):
    """A mapping with a length and nothing that can be had."""

    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        return 3


class EndlessMapping(Mapping[str, object]):
    """A mapping of mappings without end."""

    def __getitem__(self, key: str) -> object:
        return EndlessMapping()

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"key{number}"

    def __len__(self) -> int:
        return 3


class AnyAttribute:
    """Has every attribute, each callable and with every attribute."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return AnyAttribute()

    def __call__(self, *args: object, **kwargs: object) -> object:
        return AnyAttribute()


class Holder:
    """An object with the given attributes."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


def cyclic_list() -> list[object]:
    found: list[object] = ["HTTP 429"]
    found.append(found)
    return found


def cyclic_dict() -> dict[str, object]:
    found: dict[str, object] = {"message": "HTTP 429"}
    found["error"] = found
    return found


def nested_list(depth: int) -> object:
    found: object = "x"
    for _ in range(depth):
        found = [found]
    return found


def nested_dict(depth: int) -> object:
    found: object = "x"
    for _ in range(depth):
        found = {"error": found}
    return found


def endless_causes() -> BaseException:
    class AgainError(Exception):
        @property
        def __cause__(self) -> BaseException:  # type: ignore[override]
            return AgainError("again")

    return AgainError("first")


def cyclic_causes() -> BaseException:
    one, two, three = RuntimeError("1"), ValueError("2"), KeyError("3")
    one.__cause__, two.__context__, three.__cause__ = two, three, one
    return ExceptionGroup("all", [one, two, three])


OBJECTS: Final[dict[str, Callable[[], object]]] = {
    "refuses": Refuses,
    "refusing error": RefusingError,
    "silent error": SilentError,
    "lying error": LyingError,
    "liar": Liar,
    "refusing class": RefusingClass,
    "nameless": Nameless,
    "nameless error": NamelessError,
    "refusing mapping": RefusingMapping,
    "endless mapping": EndlessMapping,
    "every attribute": AnyAttribute,
    "a class": lambda: SilentError,
    "a module": lambda: json,
    "a function": lambda: holds,
    "a generator": lambda: (number for number in range(3)),
    "a set": lambda: {1, 2},
    "a number": lambda: 10**5000,
    "not a number": lambda: float("nan"),
    "a memory view": lambda: memoryview(b"HTTP 429")[::2],
    "a cyclic list": cyclic_list,
    "a cyclic dict": cyclic_dict,
    "a deep list": lambda: nested_list(100_000),
    "a deep dict": lambda: nested_dict(100_000),
    "a wide dict": lambda: {f"key{number}": {"message": "x"} for number in range(100_000)},
    "odd keys": lambda: {None: 1, 5: {b"error": "x"}, (1, 2): [3], Refuses: Refuses()},
    "refusing values": lambda: {"error": Refuses(), "status": Refuses(), "message": "HTTP 429"},
    "refusing body": lambda: Holder(status_code=429, headers={"retry-after": "3"}, body=Refuses()),
    "refusing headers": lambda: Holder(status_code=429, headers=Refuses(), body="x"),
    "mapping that refuses as body": lambda: Holder(status=429, body=RefusingMapping()),
    "mapping that refuses as headers": lambda: Holder(status=429, headers=RefusingMapping()),
    "record that refuses": lambda: {"headers": Refuses(), "body": Refuses(), "status": Refuses()},
    "event that refuses": lambda: {"event": Refuses(), "data": Refuses()},
    "endless causes": endless_causes,
    "cyclic causes": cyclic_causes,
    "no bytes of UTF-8": lambda: b"\xff\xfe HTTP 429 \x80\x00",
    "lone surrogates": lambda: "HTTP 429 \ud83d \udc00",
    "escaped surrogates": lambda: '{"error": {"message": "\\ud83d HTTP 429 \\udc00"}}',
    "surrogate keys": lambda: {"\ud83d": "\udc00 HTTP 429"},
    "NUL": lambda: "HTTP\x00429\x00",
    "brackets": lambda: "[" * 100_000,
    "braces": lambda: "{" * 60_000,
    "pairs": lambda: '{"a":' * 12_000,
    "brackets in a body": lambda: {"error": {"message": "[" * 100_000}},
    "quotation marks": lambda: "'" * 100_000,
    "backslashes": lambda: '"' + "\\" * 60_001,
    "an escaped quote at the end": lambda: "{'" + "\\'" * 30_000,
    "newlines": lambda: "\n" * 100_000,
    "status lines": lambda: "HTTP/1.1 429 No\n" * 6_000,
    "signs": lambda: "{'a': " + "-" * 60_000 + "1}",
    "long number": lambda: '{"retry_after": ' + "9" * 5_000 + "}",
}
LARGE: Final[dict[str, Callable[[int], object]]] = {
    "text": lambda length: "429 rate limit exceeded in the model " * (length // 37),
    "bytes": lambda length: b"HTTP 429 " + b"\xf0\x9f" * (length // 2),
    "body": lambda length: {"error": {"message": "HTTP 500, try again in 5s " * (length // 26)}},
    "exception": lambda length: RuntimeError("HTTP 503 " + "x" * length),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_any_object_gets_a_verdict(make: Callable[[], object]) -> None:
    """Whatever it does when it is looked at."""
    holds(make())


@pytest.mark.slow
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_ten_megabytes_get_a_verdict(make: Callable[[int], object]) -> None:
    """In one piece, with a detail; and what is shown of one megabyte fits on a screen."""
    verdict = classify(make(10_000_000))
    assert verdict.rule != "unmatched"
    assert len(verdict.detail) <= 500
    views = shown(classify(make(1_000_000)))
    assert len(views["html"]) < 50_000
    assert len(views["explanation"]) < 20_000


@pytest.mark.slow
@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_any_object_may_stand_in_any_field(make: Callable[[], object]) -> None:
    """A `Failure` keeps it and skips it; the fields beside it still count."""
    thing: Any = make()
    for field in ("headers", "body", "exception_type", "exception_text", "text", "provider"):
        verdict = holds(Failure(status=529, **{field: thing}))
        assert verdict.status_code == 529, field
    assert holds(Failure(status=thing, text="status code: 529")).retryable in (True, False)
    holds(Failure(headers={"retry-after": thing, "x-should-retry": thing}))
    holds(Failure(causes=(Raised(thing, thing),), text="x"))
    holds(Failure(reset=StreamReset(thing, thing)))
    holds(Holder(status_code=529, headers={"retry-after": thing}, body=thing))
    error = SilentError("x")
    error.__dict__["details"] = thing
    assert holds(error).status_code == 429
    holds("HTTP 429", provider=thing)


def test_what_misbehaves_counts_as_not_observed() -> None:
    """The status of an exception is read although its text and its body cannot be."""
    assert holds(SilentError()).kind is Kind.RATE_LIMIT
    assert holds(RefusingError()).rule == "unmatched"
    assert holds(Holder(status_code=429, body=RefusingMapping())).kind is Kind.RATE_LIMIT


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_is_not_swallowed(stop: type[BaseException]) -> None:
    """Ctrl-C while a failure is looked at is still Ctrl-C."""

    class Interrupted(Exception):
        def __str__(self) -> str:
            raise stop

    class Property(Exception):
        @property
        def response(self) -> object:
            raise stop

    for error in (Interrupted(), Property(), RuntimeError(Interrupted())):
        with pytest.raises(stop):
            classify(error)


def test_raising_an_interruption_is_no_interruption() -> None:
    """Such an exception is an object like any other."""
    assert holds(KeyboardInterrupt()).retryable is False
    assert (
        holds(BaseExceptionGroup("x", [KeyboardInterrupt(), ValueError("529")])).retryable is False
    )


def test_an_attachment_that_is_no_verdict_is_ignored() -> None:
    """Whatever stands where a verdict would."""
    error = RuntimeError("HTTP 429")
    with_verdict(error, "no verdict")  # type: ignore[arg-type]
    assert holds(error).kind is Kind.RATE_LIMIT


# --- values --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [
        *("nan", "inf", "-inf", "NaN", "Infinity", "1e400", "9" * 400, "-1", "-0.5", "1e5", "0x10"),
        *("", " ", "5 seconds", "1,5", "1.5, 2", "٣", "५", "1_000", "+5", "5.", ".5", "--5"),
        *("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 99 Foo 2020"),
        *(
            float("nan"),
            float("inf"),
            -1,
            -0.5,
            10**400,
            True,
            None,
            [],
            [None],
            {},
            b"\xff",
            object(),
        ),
        *(["5", "6"], [["5"]], ("7",), b"5", 5, 5.5, 0, "0"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_odd_hints_never_make_an_odd_wait(value: object) -> None:
    """Negative, endless and malformed values are no hint, wherever they stand."""
    dated = {"date": "Fri, 20 Nov 2026 10:00:00 GMT"}
    for name in ("retry-after", "retry-after-ms", "Retry-After"):
        holds(Failure(status=429, headers={name: value, **dated}))
        holds(Holder(status_code=429, headers=[(name, value), ("date", dated["date"])]))
    for name in ("retryDelay", "retry_after", "resets_in_seconds"):
        holds({"error": {name: value}})
    holds(f"HTTP/1.1 429 No\nretry-after: {value!s}\n\n")
    holds(f"try again in {value!s}s, retry_delay: {value!s}, retry after {value!s} seconds")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((0, None), (-1, None), (99, None), (600, None), (99999, None), (10**400, None)),
        *((True, None), (False, None), (None, None), ("", None), ("none", None), (b"429", None)),
        *((float("nan"), None), (float("inf"), None), (429.0, 429), ([429], None)),
        *((429, 429), ("429", 429), ("429 Too Many Requests", 429), (" 503 ", 503), ("4290", None)),
        *((200, None), (302, None), (599, 599)),
    ],
    ids=repr,
)
def test_odd_statuses(status: object, expected: int | None) -> None:
    """What is no status is none; of an object as of a `Failure`."""
    assert holds(Failure(status=status)).status_code == expected
    assert holds(Holder(status_code=status, headers={})).status_code == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": ["5", "9"]},
        {b"Retry-After": b"5"},
        [("Retry-After", "5"), ("Retry-After", "9")],
        [(b"retry-after", b"5"), (1, 2), None, "x", ("a",), ("b", "c", "d")],
        {"retry-after": "5", None: 1, 7: None, "x-should-retry": None, "x": object()},
        {" RETRY-AFTER ": " 5 "},
    ],
    ids=["list", "bytes", "pairs", "odd pairs", "odd keys", "blanks"],
)
def test_odd_headers(headers: Any) -> None:  # noqa: ANN401
    """Lists, bytes and nothing at all among the values; the first value counts."""
    assert holds(Failure(status=429, headers=headers)).retry_after_s == 5.0


# --- secrets and markup --------------------------------------------------------------------------

PLACES: Final[dict[str, Callable[[str], object]]] = {
    "text": lambda planted: f"HTTP 429 rate limit {planted} exceeded",
    "before a phrase": lambda planted: f"{planted} rate limit reached",
    "behind a phrase": lambda planted: f"invalid api key {planted}",
    "named by the phrase": lambda planted: f"401 invalid api key: {planted.rpartition(' ')[2]}",
    "over the left edge": lambda planted: (
        f"{planted}{' ' * (500 - len(planted) // 2)}rate limit reached"
    ),
    "over the right edge": lambda planted: (
        f"rate limit reached{' ' * (1982 - len(planted) // 2)}{planted}"
    ),
    "message": lambda planted: {"error": {"message": planted, "code": "rate_limit_exceeded"}},
    "code": lambda planted: {"error": {"message": "x", "code": planted, "type": planted}},
    "key": lambda planted: {"error": {planted: "rate limit reached", "retry_after": 5}},
    "outer key": lambda planted: {planted: {"retry_after": 5, "message": "rate limit reached"}},
    "JSON in JSON": lambda planted: json.dumps(json.dumps({"error": {"message": f"a\n{planted}"}})),
    "exception": lambda planted: RuntimeError(f"401 unauthorized: {planted}"),
    "class": lambda planted: type(planted, (Exception,), {"__module__": "app"})("HTTP 429"),
    "curl -v": lambda planted: (
        f"> POST /v1 HTTP/1.1\n> Authorization: {planted}\n>\n< HTTP/1.1 401 No\n< A: {planted}\n<\n{planted}"
    ),
    "header": lambda planted: Failure(
        status=429, headers={"x-should-retry": planted, "retry-after": planted, planted: planted}
    ),
    "status": lambda planted: Failure(
        status=planted, provider=planted, reset=StreamReset(planted, True)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:8])
def test_no_view_of_a_verdict_shows_a_key(key: str, place: Callable[[str], object]) -> None:
    """Nor the most of one: wherever it was planted, whatever is looked at."""
    secret = key.rpartition(" ")[2]
    for where, text in shown(holds(place(key))).items():
        assert secret not in text, where
        assert secret[-12:] not in text, where
        assert secret[:14] not in text, where


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("markup", MARKUP)
def test_markup_of_a_payload_is_only_ever_shown_as_text(
    markup: str, place: Callable[[str], object]
) -> None:
    """Escaped in every page; no element and no attribute comes from a payload."""
    verdict = holds(place(markup))
    page = verdict._repr_html_()
    assert "<script" not in page.lower()
    assert not re.search(r"<[^>]*\bon\w+\s*=", page)
    assert not re.search(r"<[^>]*javascript:", page)


# --- time ----------------------------------------------------------------------------------------

STUFF: Final = {
    "phrases": "rate limit exceeded ",
    "gapped phrases": "model previous response account ",
    "digits": "4",
    "statuses": "429 ",
    "introduced statuses": "status code: 4290 ",
    "limits": "limit 1 requested ",
    "limits below": "limit: 9, requested 8, ",
    "hints": "try again in 5 m ",
    "hints of five parts": "wait 1h 2m 3s ",
    "braces": "{",
    "brackets": "[]",
    "open dicts": "{'a': ",
    "objects": '{"error": {"message": "x"}} ',
    "quotation marks": "'",
    "escaped quotation marks": "\\'",
    "backslashes": "\\",
    "backslash-u": "\\u0041",
    "one token": "a",
    "capitals": "ABCDE",
    "camels": "AaBb",
    "underscores": "a_a_a_",
    "dashes": "a-a-a-",
    "dots": "a.a.",
    "spaces": " ",
    "words and spaces": "rate    \t",
    "newlines": "\n",
    "carriage returns": "\r\n",
    "open tags": "<",
    "tags": "<b x='",
    "scripts": "<script>",
    "comments": "<!--",
    "addresses": "http://a.b/",
    "schemes": "a://",
    "keys": "sk-",
    "named keys": "api key: ",
    "masks": "a***",
    "dotted": "a...",
    "stars": "*",
    "crosses": "X",
    "frames": 'File "a", line 1\n',
    "tracebacks": "Traceback (most recent call last):\n",
    "status lines": "HTTP/1.1 429 No\n",
    "dump": "HTTP/1.1 429 No\nA: b\n",
    "remarks of curl": "* Connection #0 to host\n",
    "progress": "0 0 0 --:--:-- ",
    "events": "data: {}\n\n",
    "words of one letter": "a ",
    "Chinese": "模型 429 使用上限 ",
    "surrogates": "\ud83d",
    "resets": "<StreamReset error_code:1 ",
    "equals": "code=",
    "colons": ": 500 ",
}


def ratio(way: Callable[[str], object], unit: str, size: int) -> float:
    """How many times longer ten times the text takes, by the least processor time of a few runs."""
    taken = []
    for length in (size, 10 * size):
        text, least_s = unit * (length // len(unit)), 60.0
        for _ in range(2):
            started = process_time()
            way(text)
            least_s = min(least_s, process_time() - started)
        taken.append(max(least_s, 0.001))
    return taken[1] / taken[0]


@pytest.mark.slow
@pytest.mark.parametrize("unit", STUFF.values(), ids=STUFF)
def test_time_is_linear_in_the_length(unit: str) -> None:
    """Ten times the text takes ten times as long, not a hundred times, for every repetition."""
    assert ratio(classify, unit, 100_000) < 25
    assert ratio(lambda text: classify({"error": {"message": text}}), unit, 1_500) < 25
    assert ratio(lambda text: shown(classify(RuntimeError(f"HTTP 401 {text}"))), unit, 1_500) < 25


HEADS: Final = (
    *(
        "status",
        "http/1.1",
        "error",
        "error code",
        "retry after",
        "try again in",
        "wait 1",
        "limit",
    ),
    *("retry_delay", "network error", "domain=", "nsurlerrordomain", "curl: (", "errno", "api key"),
    *(
        "Bearer ",
        "key provided",
        "{'a': '",
        '{"a": "',
        "<script",
        "<!--",
        "<b ",
        "a://",
        "sk-",
        "a.",
    ),
    *("Traceback (most recent call last):\n", 'File "', "HTTP/1.1 429", "data: {", "curl ", "\\u"),
)
RUNS: Final = (" ", "\n", "a", "1", ".", "\\")


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_time_is_linear_in_a_run_behind_a_word(head: str) -> None:
    """What a pattern looks for behind a word, it does not look for from every place behind it."""
    for run in RUNS:
        for size in (150, 1_500, 15_000):
            times = ratio(lambda text: classify(head + text).detail, run, size)
            assert times < 25, f"{run!r}: {times:.0f} times"


# --- anything ------------------------------------------------------------------------------------

MODEST: Final = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
WORDS: Final = st.sampled_from(
    [
        *("rate limit exceeded", "HTTP", "429", "503", "status code:", "try again in", "5s", "401"),
        *("overloaded", "insufficient_quota", "Error code: 400 - ", "{'error': ", "}", '{"error":'),
        *("timeout", "model", "does not exist", "\n", "<html>", "data: ", "event: error", "[DONE]"),
        *("HTTP/1.1 429 No\n", "Retry-After: ", "limit: 0", "Requested 9", "previous response"),
        *(
            "api key",
            "\\u0041",
            "\\",
            "'",
            '"',
            "…",
            "Traceback (most recent call last):\n",
            "\x00",
        ),
        *(*KEYS, *MARKUP),
    ]
)
TEXTS: Final = st.one_of(
    st.text(st.characters(codec=None), max_size=80), st.lists(WORDS, max_size=12).map(" ".join)
)
SCALARS: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.binary(max_size=40)
)
NAMES: Final = st.one_of(
    TEXTS,
    st.sampled_from(
        [
            *("error", "message", "code", "type", "status", "detail", "details", "retry_after"),
            *("retryDelay", "headers", "body", "event", "data", "reason", "response", "errors"),
        ]
    ),
)
PAYLOADS: Final = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


def checked(thing: object, provider: object = None) -> None:
    """What holds of every verdict, also when a key was planted."""
    for text in shown(holds(thing, provider)).values():
        for key in KEYS:
            assert key not in text


@pytest.mark.slow
@MODEST
@given(TEXTS)
@example("HTTP/1.1 429 \n:")
@example("'''")
def test_any_text_gets_a_verdict(text: str) -> None:
    """As text, as bytes, as an exception and as a message."""
    for thing in (text, text.encode("utf-8", "surrogatepass"), RuntimeError(text)):
        checked(thing)
    checked({"error": {"message": text}})


@pytest.mark.slow
@MODEST
@given(PAYLOADS)
def test_any_payload_gets_a_verdict(payload: object) -> None:
    """Decoded, printed, and as JSON where it can be."""
    checked(payload)
    checked(repr(payload))
    try:
        checked(json.dumps(payload))
    except (TypeError, UnicodeError):
        return


@MODEST
@given(
    st.one_of(SCALARS, st.integers(-5, 700)),
    st.one_of(SCALARS, st.dictionaries(NAMES, SCALARS, max_size=3)),
    PAYLOADS,
    SCALARS,
    SCALARS,
    SCALARS,
    SCALARS,
)
def test_any_failure_gets_a_verdict(
    status: Any,  # noqa: ANN401
    headers: Any,  # noqa: ANN401
    body: Any,  # noqa: ANN401
    name: Any,  # noqa: ANN401
    said: Any,  # noqa: ANN401
    text: Any,  # noqa: ANN401
    provider: Any,  # noqa: ANN401
) -> None:
    """Any value in any field, and the same as attributes of an exception."""
    checked(Failure(status, headers, body, name, said, (Raised(name, said),), text, provider))
    error = RuntimeError(said)
    error.__dict__.update(status_code=status, headers=headers, body=body, reason=text)
    checked(error, provider)


@MODEST
@given(
    st.recursive(
        TEXTS.map(RuntimeError), lambda inner: st.tuples(TEXTS, inner, inner), max_leaves=6
    )
)
def test_any_chain_of_causes_gets_a_verdict(tree: Any) -> None:  # noqa: ANN401
    """Causes, contexts and groups in any order."""

    def built(node: Any) -> Exception:  # noqa: ANN401
        if isinstance(node, Exception):
            return node
        words, one, two = node
        outer: Exception = ValueError(words)
        outer.__cause__, outer.__context__ = built(one), built(two)
        return ExceptionGroup(words, [outer, built(two)]) if len(words) % 2 else outer

    checked(built(tree))
