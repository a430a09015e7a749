"""Every compiled pattern of `chatlab.corpus` and `chatlab.text` takes linear time.

A pattern is run over hostile texts of growing length. Four times the length may take four times as
long, not sixteen times; what takes too little time to be measured passes.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest

import chatlab.corpus
import chatlab.text
from chatlab.corpus import sanitize_text
from chatlab.text.secrets import SHAPES, USERINFO, PrefixTable

PIECES = (
    *("a", "1", "a1", "A", "-", "_", ".", "=", ":", "/", "\\", "%", "%41", '"', "'", "(", "{", "<"),
    *(" ", "\n", "\t", ",", ";", "@", "?", "&", "#", "*", "…", "\u200b", "\x1b[0m", "\\u0041"),
    *("\\n", '\\"', "a.", "a-", "a_", "a=", "a:", "a/", "a@", "a ", "1.", "1:", "1-", "1 ", "::"),
    *("key=", "key: ", '"key": "', "password ", "token is ", "sk-", "xsk-", "Bearer ", "http://"),
    *("https://a@", "eyJa.", "a***", "/home/a/", "C:\\Users\\", "~a", "\\\\a\\", "projects/a"),
    *(
        "arn:aws:s3:",
        "ft:a:",
        "REDACTED.",
        "REDACTED\\n",
        "user a ",
        "-u a:",
        "--b a ",
        "密码：",
        "是",
    ),
    *("sha256:", "a.local ", "&#x41;", "-----BEGIN ", "cookie: a=b;", '{"a":1,', '{"log":{', "MA."),
)
SHORT_CHARS = 12_000
FACTOR = 4
MEASURED_S = 0.005
"""A quadratic pattern takes longer for `SHORT_CHARS`; less says nothing on a busy machine."""

LINE_CHARS = 16_000
LEAST_S = 0.6
"""A quadratic search takes several seconds for four times `LINE_CHARS`."""


def patterns() -> Mapping[str, re.Pattern[str]]:
    """Every pattern that a module holds, in tables too, by the module's name and the pattern."""
    found = {f"form of a secret: {one.pattern[:60]!r}": re.compile(one.pattern) for one in SHAPES}
    found["userinfo"] = re.compile(USERINFO)
    for package in (chatlab.corpus, chatlab.text):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            values = vars(importlib.import_module(module.name))
            for value in values.values():
                for one in inside(value):
                    found.setdefault(f"{module.name}: {one.pattern[:60]!r}", one)
    return found


def inside(value: object, depth: int = 5) -> Iterator[re.Pattern[str]]:
    """The patterns in a value made of tuples and mappings; those of a table of prefixes too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, PrefixTable):
        yield from (value.opening, *value._tails.values())
    elif isinstance(value, Mapping) and depth:
        for one in value.values():
            yield from inside(one, depth - 1)
    elif isinstance(value, tuple) and depth:
        for one in value:
            yield from inside(one, depth - 1)


PATTERNS = patterns()


def cpu_s(work: Callable[[], object]) -> float:
    """The processor time of `work`, the shorter of two runs."""
    times = []
    for _ in range(2):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def matched(pattern: re.Pattern[str], text: str) -> None:
    """Find every match in `text`, and match it as a complete text."""
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    for _ in pattern.finditer(given):  # type: ignore[arg-type]
        pass
    pattern.fullmatch(given)  # type: ignore[arg-type]


def repeated(piece: str, length: int) -> str:
    """`piece`, again and again."""
    return (piece * (length // len(piece) + 1))[:length]


@pytest.mark.slow
@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_linear(name: str) -> None:
    """On each hostile text, from twelve thousand characters to fifty thousand."""
    pattern = PATTERNS[name]
    for piece in PIECES:
        short, long = repeated(piece, SHORT_CHARS), repeated(piece, FACTOR * SHORT_CHARS)
        before = cpu_s(partial(matched, pattern, short))
        if before > MEASURED_S:
            assert cpu_s(partial(matched, pattern, long)) < 2.5 * FACTOR * before, piece


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_sanitizing_one_long_line_is_linear(piece: str) -> None:
    """A line that nothing breaks, four times as long."""
    line = repeated(piece.replace("\n", " "), FACTOR * LINE_CHARS)
    before = cpu_s(partial(sanitize_text, line[:LINE_CHARS]))
    assert cpu_s(partial(sanitize_text, line)) < max(LEAST_S, 2.5 * FACTOR * before)
