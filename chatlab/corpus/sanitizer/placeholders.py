"""The placeholders of removed values, and how they are recognised.

Within one sample the same value gets the same placeholder and different values get different
ones, also beside placeholders that the sample held before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from chatlab.errors.reading.who_answered import provider_in
from chatlab.text.randomness import is_random

WORD: Final = "REDACTED"
"""The word in every placeholder that has letters; ``{}`` in a form marks its place."""

IPV4, IPV6, PHONE, NUMBER = "ipv4", "ipv6", "phone", "number"
"""Forms whose placeholders keep the shape of an address or a number instead."""

_SERIES: Final[dict[str, Callable[[int], str]]] = {
    IPV4: lambda n: (
        f"{('203.0.113', '198.51.100', '192.0.2')[(n + 5) // 250 % 3]}.{(n + 5) % 250 + 1}"
    ),
    IPV6: lambda n: f"2001:db8::{n + 6:x}",
    PHONE: lambda n: f"+1-555-01{(n - 1) % 100:02}",
    NUMBER: lambda n: str((n - 1) % 1000),
}
_OWN_NUMBERS: Final = re.compile(
    r"(?:203\.0\.113|198\.51\.100|192\.0\.2)\.\d{1,3}|2001:db8:[0-9a-f:]{0,32}|\+1-555-01\d\d|\d{1,3}",
    re.IGNORECASE,
)
_OWN_WORD: Final = re.compile(
    rf"(?:(?:[A-Za-z]{{1,16}}\d{{0,2}}|\d)[-_.:/ ]{{1,2}}){{0,6}}{WORD}"
    r"(?:_\d{1,6})?(?:@example\.com)?"
)
_SEEN: Final = re.compile(
    rf"{WORD}(?:_\d{{1,6}})?|203\.0\.113\.\d+|198\.51\.100\.\d+|192\.0\.2\.\d+"
    r"|2001:db8::[0-9a-f]+|\+1-555-01\d\d"
)
_HEAD: Final = re.compile(r"[\w.-]*$")
_MARKS: Final[dict[str, str]] = {
    "azure": "azure-openai",
    "openai": "gpt-4",
    "vercel": "ai-gateway.vercel",
}
"""Names by which `classify` knows a provider, where its own name is none."""

_TRIVIAL: Final = re.compile(
    r"""[*.…•_xX<>\s-]* | .{0,3} | <[^<>]*> | \[\w*]+\] | \(\w*\) | \{+[^{}]*\}+ | %\(?\w*\)?s
    | (?-i:\$\{?[A-Z_][A-Z0-9_]*\}?) | your[-_ ].* | my[-_]?(?:api[-_]?)?(?:key|token|secret)
    | (?:sk|pk|gsk|hf|xai|key)[-_](?:[*.…•x]*|none|test|dummy|fake|local|1234)
    | .*[-_ ](?:here|example|placeholder)
    | none | null | nil | undefined | true | false | yes | no | on | off | string | str | object
    | array | list | dict | number | integer | boolean | unknown | anonymous | default
    | optional(?:\[.*\])?
    | required | missing | invalid | expired | incorrect | revoked | empty | unset
    | not[-_ ](?:set|found|given|provided|available|configured)
    | wrong | bad | hidden | masked | redacted | removed | provided | present | absent | changeme
    | bearer | basic | token | header | value | secret | password | api[-_ ]?key | key
    | user(?:name)? | usr
    | suspended | disabled | inactive | active | free | paid | pro
    | test | dummy | fake | hello | anything | ollama | lm-studio | empty | n/?a""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Removed:
    """One value, of one kind, that was removed from one place.

    kind: what it was, in words. where: the place, for example ``body.error.message``.
    placeholder: what replaces it; ``""`` for a header that was left out. count: how often.
    """

    kind: str
    where: str
    placeholder: str
    count: int

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        now = f", now {self.placeholder}" if self.placeholder else ", left out"
        return f"{self.where}: {self.kind}{now}{times}"


def _seen(text: str, found: re.Match[str]) -> str:
    """The placeholder that was found, with the characters directly before its word."""
    if not found[0].startswith(WORD):
        return found[0]
    head = _HEAD.search(text[max(0, found.start() - 40) : found.start()])
    return f"{head[0] if head else ''}{found[0]}"


def is_own(value: str) -> bool:
    """Whether `value` is a placeholder, which is kept."""
    return bool(_OWN_WORD.fullmatch(value) or _OWN_NUMBERS.fullmatch(value))


def is_trivial(value: str) -> bool:
    """Whether `value` cannot be a secret: a placeholder, mask, dummy, or word such as ``null``."""
    return len(value) < 4 or is_own(value) or bool(_TRIVIAL.fullmatch(value[:200]))


class RedactionLog:
    """What was removed from one sample so far, and the placeholders."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Start with the texts of the sample: placeholders in them are not given again."""
        self._taken = {_seen(text, found) for text in texts for found in _SEEN.finditer(text)}
        self._given: dict[tuple[str, bool], str] = {}
        self._kinds: dict[str, str] = {}
        self._next: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def take(self, kind: str, where: str, value: str, form: str) -> str:
        """The placeholder for `value`, made after `form`; the removal is noted."""
        key = (value, form == NUMBER)
        placeholder = self._given.get(key)
        if placeholder is None:
            placeholder = self._given[key] = self._new(_with_mark(value, form))
            self._kinds.setdefault(value, kind)
        self._counts[kind, where, placeholder] += 1
        return placeholder

    def drop(self, kind: str, where: str) -> None:
        """Note that something was left out without a placeholder."""
        self._counts[kind, where, ""] += 1

    def given(self) -> dict[str, str]:
        """Every removed value, with its kind."""
        return dict(self._kinds)

    def removed(self) -> tuple[Removed, ...]:
        """What was removed, in the order of finding."""
        return tuple(Removed(*what, count) for what, count in self._counts.items())

    def _new(self, form: str) -> str:
        series = _SERIES.get(form)
        before = form.partition("{}")[0]
        head = _HEAD.search(before)
        name = form if series else head[0] if head else ""
        while True:
            self._next[name] += 1
            n = self._next[name]
            word = series(n) if series else WORD if n == 1 else f"{WORD}_{n}"
            if n > 1000 or (word if series else f"{name}{word}") not in self._taken:
                return word if series else form.replace("{}", word)


def _with_mark(value: str, form: str) -> str:
    """`form`, with the provider that a name chosen by a person shows, so that it still shows it."""
    provider = provider_in(value.lower()) if form.startswith("{}") else None
    if provider is None or is_random(value) or provider_in(form) == provider:
        return form
    return f"{_MARKS.get(provider, provider)}-{form}"
