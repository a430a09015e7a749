"""Secrets that escapes hide: ``\\u002d`` and ``%2F`` for a sign, colours of a terminal in between.

The lines that hold escapes are searched once more as a person reads them, with every escape read;
each finding is removed from the text as it was.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import unescape
from typing import Final

from chatlab.corpus.sanitizer.key_value import Take
from chatlab.errors.reading.text.phrases import clean
from chatlab.text.secrets import longest_of

_SIGNS: Final = ("\\", "%", "&", "\x1b", "\u200b", "\u200c", "\u200d", "\ufeff")
_ESCAPE: Final = re.compile(
    r"""\\(?:\\{0,7}(?:(?:u001[bB]|x1[bB]|033)\[[0-9;]{0,16}m
        |u(?P<unit>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2})|(?P<slash>/)))
    | %(?:25){0,3}(?P<octets>[2-7][0-9A-Fa-f]
        |[CDcd][0-9A-Fa-f](?:%(?:25){0,3}[89ABab][0-9A-Fa-f])
        |[Ee][0-9A-Fa-f](?:%(?:25){0,3}[89ABab][0-9A-Fa-f]){2}
        |[Ff][0-9A-Fa-f](?:%(?:25){0,3}[89ABab][0-9A-Fa-f]){3})
    | &(?P<entity>\#x[0-9A-Fa-f]{1,6}|\#[0-9]{1,7}|amp|quot|apos|lt|gt|nbsp);
    | \x1b\[[0-9;]{0,16}m
    | [\u200b-\u200d\ufeff]""",
    re.VERBOSE,
)
_ANYWHERE_CHARS: Final = 8
"""A shorter value is taken only where an escape touches it."""

Steps = Sequence[Callable[[str, Take], str]]


def redact_escaped(text: str, take: Take, steps: Steps) -> str:
    """`text` without what `steps` find once its escapes are read."""
    if not any(sign in text for sign in _SIGNS):
        return text
    pieces: list[str] = []
    done = 0
    for begin, end in _lines_with_escapes(text):
        pieces += (text[done:begin], _redacted(text[begin:end], take, steps))
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def as_read(text: str) -> str:
    """`text` with its escapes read."""
    return _ESCAPE.sub(_read, text)


def _lines_with_escapes(text: str) -> Iterator[tuple[int, int]]:
    """Where lines begin and end that hold escapes; neighbouring ones are given as one."""
    begin = end = -1
    for escape in _ESCAPE.finditer(text):
        if escape.start() < end:
            continue
        line = text.rfind("\n", 0, escape.start()) + 1
        if line > end:
            if end >= 0:
                yield begin, end
            begin = line
        line_end = text.find("\n", escape.end()) + 1
        end = line_end or len(text)
    if end >= 0:
        yield begin, end


def _redacted(lines: str, take: Take, steps: Steps) -> str:
    shown = _Shown(lines, list(_ESCAPE.finditer(lines)))
    found: dict[str, tuple[str, str]] = {}

    def note(kind: str, value: str, form: str) -> str:
        found.setdefault(value, (kind, form))
        return value

    for step in steps:
        step(shown.text, note)
    return shown.without(found, take) if found else lines


class _Shown:
    """A text with its escapes read, and where each of them stood."""

    def __init__(self, raw: str, escapes: list[re.Match[str]]) -> None:
        self._raw = raw
        self._spans = [escape.span() for escape in escapes]
        self._begins: list[int] = []
        self._ends: list[int] = []
        pieces: list[str] = []
        done = length = 0
        for escape in escapes:
            read = _read(escape)
            begin = length + escape.start() - done
            self._begins.append(begin)
            self._ends.append(begin + len(read))
            pieces += (raw[done : escape.start()], read)
            done, length = escape.end(), begin + len(read)
        self.text = "".join((*pieces, raw[done:]))

    def without(self, found: dict[str, tuple[str, str]], take: Take) -> str:
        """The raw text in which everything found has given way to its placeholder."""
        pieces: list[str] = []
        done = 0
        for value, begin, end in Literals(filter(None, found)).find(self.text):
            raw_begin, raw_end = self._raw_place(begin), self._raw_place(end, after=True)
            if raw_begin < done or not self._stands_alone(value, begin, end):
                continue
            kind, form = found[value]
            pieces += (self._raw[done:raw_begin], take(kind, value, form))
            done = raw_end
        return "".join((*pieces, self._raw[done:])) if pieces else self._raw

    def _stands_alone(self, value: str, begin: int, end: int) -> bool:
        before, after = self.text[begin - 1 : begin], self.text[end : end + 1]
        joined = _is_joined(before, value[0]) or _is_joined(value[-1], after)
        touched = bisect_left(self._ends, begin) < bisect_right(self._begins, end)
        return not joined and (touched or len(value) >= _ANYWHERE_CHARS)

    def _raw_place(self, place: int, *, after: bool = False) -> int:
        """Where in the raw text `place` is; within an escape, its beginning or its end."""
        index = (
            bisect_left(self._begins, place) - 1 if after else bisect_right(self._begins, place) - 1
        )
        if index < 0:
            return place
        begin, end = self._begins[index], self._ends[index]
        if begin <= place < end or (after and place == end):
            return self._spans[index][1 if after else 0]
        return self._spans[index][1] + place - end


def _is_joined(one: str, other: str) -> bool:
    """Whether two neighbours are letters or digits of one ASCII word."""
    return (one + other).isascii() and one.isalnum() and other.isalnum()


def _read(escape: re.Match[str]) -> str:
    if escape["slash"] is not None:
        return "/"
    if escape["octets"] is not None:
        octets = "".join(octet[-2:] for octet in escape["octets"].split("%"))
        return bytes.fromhex(octets).decode("utf-8", "replace")
    if escape["entity"] is not None:
        return clean(unescape(escape[0]))
    code = escape["unit"] or escape["byte"]
    return clean(chr(int(code, 16))) if code else ""


_HEAD_CHARS: Final = 8


class Literals:
    """Finds many given texts, none of them empty, in another text in one pass."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values: Final = frozenset(values)
        shortest = min(map(len, self._values), default=1)
        self._head_chars: Final = min(_HEAD_CHARS, shortest)
        lengths: dict[str, set[int]] = {}
        for value in self._values:
            lengths.setdefault(value[: self._head_chars], set()).add(len(value))
        self._lengths: Final = {
            head: sorted(found, reverse=True) for head, found in lengths.items()
        }
        self._heads: Final = re.compile(f"(?={longest_of(sorted(lengths))})")

    def find(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Each value in `text` with its begin and end: leftmost, longest, without overlaps."""
        done = 0
        for place in self._heads.finditer(text) if self._values else ():
            begin = place.start()
            if begin < done:
                continue
            head = text[begin : begin + self._head_chars]
            for length in self._lengths[head]:
                value = text[begin : begin + length]
                if value in self._values:
                    done = begin + length
                    yield value, begin, done
                    break
