"""Takes secrets out of any text that is shown.

This is the last line before a screen. What goes into the corpus is sanitized more thoroughly, by
`chatlab.corpus.sanitizer`. Both read the table of `chatlab.text.secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from chatlab.text.patterns import lazy
from chatlab.text.randomness import is_random, looks_random
from chatlab.text.secrets import (
    KEYS,
    SECRET_NAMES,
    SHAPES,
    TOKEN,
    USERINFO,
    Prefixed,
    PrefixTable,
    Shape,
    continues_as_key,
)

REDACTED: Final = "[redacted]"

_OTHERS: Final = Prefixed("key", TOKEN, ("sess_", "tok_", "tok-", "sid_", "sid-", "voy-"))
_TABLE: Final = PrefixTable((*KEYS, _OTHERS))
_ALWAYS: Final = ("OpenAI key", "Anthropic key", "OpenRouter key", "key")
"""Kinds that are taken out whatever follows their prefix."""

_BEGIN: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_RUN: Final = r"[A-Za-z0-9+/=_.~-]{16}"
_NAMED: Final = rf"""(?i:(?:{"|".join(SECRET_NAMES)})
    \\{{0,4}}["']?\s{{0,8}}[:=]\s{{0,8}}\\{{0,4}}["']?
    (?:(?:bearer|basic|token|negotiate|apikey)\s{{1,8}})?
    |{_BEGIN}(?:bearer|basic)\s{{1,8}}(?!auth))
    (?P<value>[A-Za-z0-9+/=_.~-]{{16,8192}})"""
_SETTING: Final = rf"""(?i:{_BEGIN}(?:password|passwd|pwd|pass|accountkey|sharedaccesskey)=
    (?P<value>[^\s;"'&,)\\]{{4,512}}))"""
_QUERY: Final = r"""(?i:[?&]
    (?:key|api[-_]?key|token|access_token|sig|signature|x-amz-[a-z-]{1,40})=)
    (?P<value>[^&\s\"'<>]{1,8192})"""
_COOKIE: Final = rf"""(?i:{_BEGIN}(?:set-)?cookie)
    \\{{0,4}}["']?\s{{0,3}}[:=]\s{{0,3}}\\{{0,4}}["']?
    (?P<value>[\w.-]{{1,64}}=[^\s"'\\;,]{{4,4096}}
    (?:;\s?[\w.-]{{1,64}}(?:=[^\s"'\\;,]{{0,4096}})?){{0,40}})"""
_DIGEST: Final = rf"""(?i:{_BEGIN}digest)\s
    (?P<value>(?:\w{{1,20}}=(?:\\{{0,4}}"[^"\\\n]{{0,500}}\\{{0,4}}"|[\w./+=-]{{1,100}}),?\s{{0,3}}){{2,20}})"""
_NAMES: Final = (
    Shape("setting", "=", _SETTING),
    Shape("query", "=", _QUERY),
    Shape("cookie", "ookie", _COOKIE),
    Shape("digest", "igest ", _DIGEST),
)
_BESIDE_A_NAME: Final = Shape("named", "", _NAMED)
_NAME_SIGNS: Final = (
    *("key", "token", "secret", "pass", "pwd", "authorization", "bearer", "basic", "sig"),
    "credential",
)
_FOLD: Final = r"""(?:\\{0,4}["']?\s{1,40}\\{0,4}["']?|(?:\\{1,8}[rn]){1,2}\s{0,40})
    (?P<rest>[A-Za-z0-9_+/=.~-]{6,4096})"""
_CUT_OPENING: Final = r"""(?:[A-Za-z0-9_-]{1,25}(?=\\{1,8}[rn]|[ \t]{0,8}[\r\n]))?
    (?:\\{1,8}[rn]|\s{1,40}){1,2}(?P<rest>[A-Za-z0-9_-]{16,4096})"""
_FOLDED_CHARS: Final = 10
_HIDING: Final = r"""\\{1,8}u(?P<unit>00[2-7][0-9A-Fa-f])|\\{1,8}x(?P<byte>[2-7][0-9A-Fa-f])
    |%(?P<octet>[2-7][0-9A-Fa-f])|&(?P<entity>\#x?[0-9A-Fa-f]{2,4});
    |\\{1,8}u(?:200[b-fB-F]|206[0-4]|(?i:feff|00ad))
    |\x1b\[[0-9;]{0,16}m|[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]"""
_HIDING_SIGNS: Final = ("\\", "%", "&#", "\x1b")

_MASKED: Final = lazy(
    r"""[\w-]{0,64}(?:\*{3,}|•{3,}|[xX]{6,})[\w*•-]{0,64}
    | ([\w-]{0,64})(?:\.{3}|…)([\w-]{0,64})
    | (?<![A-Za-z0-9])(?:sk|pk|rk|gsk|xai|hf)[-_][\w-]{1,64}""",
    re.VERBOSE,
)
_ECHOED: Final = lazy(
    r"""((?:key|token|secret|credential)s?\ (?:\w{2,12}\ )?
      (?:(?:provided|supplied|given|used)\s?[:=]|(?:ending|starting)\ (?:in|with|on):?)
      \s?["'`(]?)([^\s"'`()[\],;]{2,}?)(?=\.?(?:[\s"'`)\],;]|$))""",
    re.VERBOSE | re.IGNORECASE,
)


def redacted(text: str, *, fragments: bool = False) -> str:
    """`text` without its secrets; with `fragments`, not even masked ones such as ``sk-…4f2a``."""
    text = _without_spans(text)
    if not text.isascii() or any(sign in text for sign in _HIDING_SIGNS):
        shown = _pattern(_HIDING).sub(_unhidden, text)
        if shown != text and (clean := _without_spans(shown)) != shown:
            text = clean
    if fragments:
        text = _ECHOED.sub(rf"\g<1>{REDACTED}", _MASKED.sub(_unmasked, text))
    return text


def _without_spans(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for begin, end in sorted(_spans(text)):
        if begin >= done:
            pieces += (text[done:begin], REDACTED)
        done = max(done, end)
    if not pieces:
        return text
    return "".join((*pieces, text[done:])).replace(REDACTED * 2, REDACTED)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets begin and end; they may overlap."""
    for _, _, begin, end in _TABLE.find(text, _accepts):
        yield begin, _end_of_folded(text, end)
    for begin, end in _TABLE.cut(text, _pattern(_CUT_OPENING)):
        if looks_random(text[begin:end]):
            yield begin, end
    for shape in SHAPES:
        if shape.sign in text:
            yield from _found(shape, text)
    if "@" in text and "/" in text:
        yield from _users(text)
    for shape in _NAMES:
        if shape.sign in text:
            yield from _found(shape, text)
    low = text.lower()
    if any(sign in low for sign in _NAME_SIGNS) and _pattern(_RUN).search(text):
        yield from _found(_BESIDE_A_NAME, text)


def _accepts(row: Prefixed, tail: str) -> bool:
    return row.kind in _ALWAYS or continues_as_key(row, tail)


def _found(shape: Shape, text: str) -> Iterator[tuple[int, int]]:
    own = shape in SHAPES
    pattern = _plain_pattern(shape.pattern) if own else _pattern(shape.pattern)
    group = "value" if "value" in pattern.groupindex else 0
    for match in pattern.finditer(text):
        begin, end = match.span(group)
        yield begin, _end_of_folded(text, end) if text[end - 1].isalnum() else end


def _users(text: str) -> Iterator[tuple[int, int]]:
    for match in _plain_pattern(USERINFO).finditer(text):
        user, password = match["user"], match["password"]
        if match["colon"] and password:
            yield match.start("user"), match.end("password")
        elif len(user) >= _FOLDED_CHARS and is_random(user):
            yield match.span("user")


def _end_of_folded(text: str, end: int) -> int:
    """The end of a secret that continues behind the end of its line, from `end` on."""
    while match := _pattern(_FOLD).match(text, end):
        rest = match["rest"].rstrip(".")
        if len(rest) < _FOLDED_CHARS or not is_random(rest):
            break
        end = match.start("rest") + len(rest)
    return end


def _unhidden(match: re.Match[str]) -> str:
    """What an escape hides; zero-width characters and colours hide nothing."""
    if match["entity"]:
        from html import unescape  # seldom needed, and slow to load

        return unescape(match[0])
    code = match["unit"] or match["byte"] or match["octet"]
    return chr(int(code, 16)) if code else ""


def _unmasked(masked: re.Match[str]) -> str:
    """The replacement of a masked key; dots between or after plain words are left alone."""
    before, after = masked[1], masked[2]
    if before is None or (before and after):
        return REDACTED
    beside = f"{before}{after}"
    return masked[0] if not beside or beside.isalpha() else REDACTED


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.VERBOSE)


@cache
def _plain_pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
