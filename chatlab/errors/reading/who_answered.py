"""Who answered: what the caller says, else the strongest mark of a provider in the texts.

Marks have tiers. A word that only one interface writes beats a host and a client's class for one
provider; those beat the name of a gateway or server; that beats the form of a model id, and that
the package of a traceback's frame. The names of makers come last, because everybody speaks
of models by them. Every mark needs a boundary on both sides: "coherent" is not Cohere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from chatlab.errors.providers import SHIPPED, Provider, Providers
from chatlab.errors.providers.registry import COMPATIBLE
from chatlab.text.matcher import Matcher, compile_matcher
from chatlab.text.patterns import lazy

DISPLAY_NAMES: Final[dict[str, str]] = {
    name: SHIPPED[name].display for name in SHIPPED.reported_names()
}
"""What `Verdict.provider` may say, with the name that people read."""

UNKNOWN_NAME: Final = "the AI provider"

_MOST_MARKS: Final = 1_000
"""How many marks of one text are looked at."""

_MODEL_TAIL: Final = lazy(r"[\w.:-]{0,60}?\d")
_IN_A_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_IN_A_HOST: Final = _IN_A_WORD | frozenset("-@")
_IN_A_PATH: Final = frozenset("/\\")
_HIDDEN: Final = frozenset({"/.", "\\."})


class Tier(IntEnum):
    """How it is known who answered, the surest first."""

    CALLER = 1
    FIELD = 2
    HOST = 3
    GATEWAY = 4
    MODEL_ID = 5
    PACKAGE = 6
    MAKER = 7
    KEY = 8
    NOBODY = 9


class Answered(NamedTuple):
    """Who answered.

    Parameters
    ----------
    provider
        As `Verdict.provider` says it; None when nobody is named.
    vendor
        The name of its file, which tells compatible servers apart; None when that is not known.
    tier
        How it is known.

    Examples
    --------
    >>> who_answered(["cohere is overloaded"])
    Answered(provider='openai-compat', vendor='cohere', tier=<Tier.MAKER: 7>)
    """

    provider: str | None
    vendor: str | None
    tier: Tier

    @property
    def is_sure(self) -> bool:
        """Whether the answer itself names who sent it, not only the model or its maker."""
        return self.tier <= Tier.GATEWAY


NOBODY: Final = Answered(None, None, Tier.NOBODY)
"""What is known of a failure that names nobody."""


class _Mark(NamedTuple):
    tier: Tier
    provider: Provider
    is_path: bool = False


def normalised_provider(name: object, providers: Providers = SHIPPED) -> str | None:
    """What `Verdict.provider` says when the caller names `name`, or None for nobody.

    An unknown name is one of the many OpenAI-compatible servers.
    """
    return providers.reported(name)


def vendor_of(name: str | None, providers: Providers = SHIPPED) -> str | None:
    """The name that people read of a provider or vendor, or None when it has no file.

    >>> vendor_of("cohere")
    'Cohere'
    """
    known = providers.find(name)
    return None if known is None else known.display


def provider_in(text: str) -> str | None:
    """What `Verdict.provider` says by the marks in `text`, which is lower-case."""
    return _strongest((text,), SHIPPED).provider


def who_answered(
    parts: Iterable[str], said: object = None, providers: Providers = SHIPPED
) -> Answered:
    """Who answered, by what the caller says and what the failure shows.

    Parameters
    ----------
    parts
        Lower-case texts, the strongest first: of two marks of one tier the first counts.
    said
        Whom the caller names.
    providers
        The providers that are known.

    Examples
    --------
    >>> who_answered(["openrouter: qwen/qwen3-coder is rate-limited upstream"]).provider
    'openrouter'
    >>> who_answered(["the coherent state of a vertex shader"]).provider is None
    True
    """
    reported = providers.reported(said)
    if reported is None:
        return _strongest(parts, providers)
    named = providers.find(said)
    if named is not None and named.name != COMPATIBLE:
        return Answered(reported, named.name, Tier.CALLER)
    shown = _strongest(parts, providers)
    told = shown.provider == reported and shown.tier is not Tier.MODEL_ID
    return Answered(reported, shown.vendor if told else None, Tier.CALLER)


def _strongest(parts: Iterable[str], providers: Providers) -> Answered:
    automaton, marks = _compiled(providers)
    best = NOBODY
    for text in parts:
        matches = automaton.find_matches_as_indexes(text, overlapping=True)
        for number, start, end in matches[:_MOST_MARKS]:
            for mark in marks[number]:
                if mark.tier < best.tier and _confirmed(text, start, end, mark):
                    best = Answered(mark.provider.reported, mark.provider.name, mark.tier)
    return best


def _confirmed(text: str, start: int, end: int, mark: _Mark) -> bool:
    """Whether the mark at `start` stands by itself there."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    tier = mark.tier
    if tier is Tier.HOST:
        return not (before in _IN_A_HOST or after in _IN_A_HOST) and text[start - 5 : start] != (
            "type."  # the name of a protobuf type, whoever sends it
        )
    if before in _IN_A_WORD and not mark.is_path:
        return False
    if tier is Tier.MODEL_ID:
        last = text[end - 1]
        return last in "/." or last.isdecimal() or _MODEL_TAIL.match(text, end) is not None
    if tier is Tier.KEY:
        return after in _IN_A_WORD
    if tier is Tier.PACKAGE:
        return mark.is_path or (before != "." and before not in _IN_A_PATH and after.isalpha())
    if after in _IN_A_WORD:
        return False
    return tier is Tier.FIELD or not _in_a_path(text, start)


def _in_a_path(text: str, start: int) -> bool:
    """Whether a name at `start` is a file's or a folder's, ``/claude`` or ``/.claude``."""
    before = text[max(start - 2, 0) : start]
    return before != "//" and (before[-1:] in _IN_A_PATH or before in _HIDDEN)


@lru_cache(maxsize=16)
def _compiled(providers: Providers) -> tuple[Matcher, list[list[_Mark]]]:
    marks: dict[str, list[_Mark]] = {}
    for provider in providers.values():
        for text, mark in _marks_of(provider):
            marks.setdefault(text, []).append(mark)
    return compile_matcher(list(marks)), list(marks.values())


def _marks_of(provider: Provider) -> Iterator[tuple[str, _Mark]]:
    names = Tier.GATEWAY if provider.serves_others else Tier.MAKER
    for texts, tier in (
        (provider.marks, Tier.FIELD),
        (provider.hosts, Tier.HOST),
        (provider.classes, Tier.HOST),
        (provider.names, names),
        (provider.model_ids, Tier.MODEL_ID),
        (provider.key_prefixes, Tier.KEY),
    ):
        for text in texts:
            yield text.lower(), _Mark(tier, provider)
    for package in provider.packages:
        path = package.lower()
        if path.startswith("@") or "-" in path:
            yield f"node_modules/{path}/", _Mark(Tier.PACKAGE, provider, True)
            continue
        yield f"{path}.", _Mark(Tier.PACKAGE, provider)
        path = path.replace(".", "/")
        ambiguous = path in (provider.name, *provider.names)
        yield f"-packages/{path}/" if ambiguous else f"{path}/", _Mark(Tier.PACKAGE, provider, True)
