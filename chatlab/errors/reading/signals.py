"""What a failure's evidence amounts to, read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from chatlab.errors.observation import Observation
from chatlab.errors.providers import SHIPPED, Providers
from chatlab.errors.reading import derived as signs
from chatlab.errors.reading import error_codes as identifiers
from chatlab.errors.reading import http_status as numbers
from chatlab.errors.reading import own_code
from chatlab.errors.reading.collected import collect
from chatlab.errors.reading.fields import MAX_LEAVES, Origin, Place, decoded
from chatlab.errors.reading.retry_after import (
    DAY_S,
    Hint,
    format_date,
    hint_in_body,
    hint_in_headers,
    hint_in_text,
)
from chatlab.errors.reading.text.assertion import explains
from chatlab.errors.reading.text.phrases import BREAK, normalise
from chatlab.errors.reading.text.prose import reports
from chatlab.errors.reading.text.prose import sentences as sentences_of
from chatlab.errors.reading.text.quotes import without_quotes
from chatlab.errors.reading.who_answered import NOBODY, Answered, Tier, who_answered
from chatlab.text.patterns import lazy

READ_CHARS: Final = 8 * 1024
"""Of a text longer than twice this, numbers and codes are read in its first and last so many
characters; words are read in all of it."""


_RELAYED: Final = "llm_provider-"
"""Before the name of a provider's header that the LiteLLM proxy passes on."""

_LEAD_CHARS: Final = 200
"""At most so long is what says before an answer, and before a colon, who was called."""

_NAME_CHARS: Final = 2 * 1024
"""At the two ends of all texts, how many characters a provider's name is looked for in."""


_MAY_TELL: Final = lazy(r"\d|_|[a-z][A-Z]|[A-Z]{5}")
"""What a sentence of the context has that tells a status, a wait or a code."""
_CALLED: Final = lazy(
    r"\b(?:POST|GET|PUT|PATCH|provider|llm_provider)[\s:=\"']{1,4}[^\s\"']{1,200}"
)
"""What a log says of a call: whom, not what."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The evidence in the form that rules are matched against.

    Parameters
    ----------
    status
        The HTTP status; None when there is none (200 is none: the error came inside the stream).
    provider
        Who answered, as `Verdict.provider` says it.
    hint
        The wait that was asked for.
    words
        What the strongest parts that speak say, in one spelling.
    terms
        Codes, class names, ``status:429``, ``provider:google`` and ``sign:...``.
    should_retry
        The header ``x-should-retry``.
    answered
        Who answered, and how that is known.
    codes
        Those of the codes that stand in a field for codes.
    prose
        Whether the words are only context, so that none but an assertion counts.
    failed
        Whether anything but context tells of a failure.
    """

    status: int | None
    provider: str | None
    hint: Hint | None
    words: str
    terms: tuple[str, ...]
    should_retry: bool | None
    answered: Answered = NOBODY
    codes: tuple[str, ...] = ()
    prose: bool = False
    failed: bool = True


NO_SIGNALS: Final = Signals(None, None, None, "  ", ("sign:no-evidence",), None)
"""What a failure amounts to whose values cannot even be looked at."""


def lower_headers(headers: object) -> dict[str, str]:
    """`headers` by lower-case name; of several values the first; what is no text is left out."""
    found: dict[str, str] = {}
    try:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        for pair in islice(pairs if isinstance(pairs, Iterable) else (), MAX_LEAVES):
            if isinstance(pair, tuple | list) and len(pair) == 2:
                name, text = decoded(pair[0]), _header_text(pair[1])
                if name is not None and text is not None:
                    found.setdefault(name.strip().lower(), text.strip())
    except Exception:  # hostile headers: what was read of them until then counts
        pass
    for name in [name for name in found if name.startswith(_RELAYED)]:
        found.setdefault(name.removeprefix(_RELAYED), found[name])
    return found


def _header_text(value: object) -> str | None:
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return decoded(value)


def ends_of(text: str, chars: int = READ_CHARS) -> str:
    """`text`, or its first and last `chars` characters when it is longer than both."""
    return text if len(text) <= 2 * chars else f"{text[:chars]}\n{text[-chars:]}"


def read_signals(failure: Observation, providers: Providers = SHIPPED) -> Signals:
    """The signals of `failure`; never raises, in time linear in its length."""
    headers = {} if failure.headers is None else lower_headers(failure.headers)
    if headers and "date" not in headers and isinstance(failure.seen_at, datetime):
        headers["date"] = format_date(failure.seen_at)
    collected = collect(failure)
    places = collected.places
    fields = [place for place in places if place.origin <= Origin.SENTENCE and place.key]
    said = _what_was_said(places)
    texts = said.texts

    status = numbers.structured(failure.status)
    if status is None or not numbers.is_error_status(status):
        status = numbers.status_in_body(fields)
        if status is None:
            status = numbers.status_in_texts([text for _, text in texts])
    hint = hint_in_headers(headers) or hint_in_body(fields) or _first_hint(texts)

    words = f" {normalise(f' {BREAK} '.join(said.words))} "
    answered = _who_answered(failure, places, providers)
    provider = answered.provider
    raised = own_code.innermost(failure)
    coded = tuple(identifiers.in_values(fields))
    terms = dict.fromkeys((*coded, *_codes(raised, headers, places, texts)))
    if status is not None:
        terms |= dict.fromkeys((f"status:{status}", f"status:{status // 100}xx"))
    if provider is not None:
        terms[f"provider:{provider}"] = None
    if hint is not None and hint.delay_s > DAY_S:
        terms["sign:wait-over-a-day"] = None
    terms |= dict.fromkeys(signs.read(failure, headers, collected, texts, words, status, raised))
    word = headers.get("x-should-retry") or next(
        (place.value for place in fields if place.key == "x-should-retry"), ""
    )
    should_retry = {"true": True, "false": False}.get(word.lower())
    seen = failure.exception_type is not None or failure.reset is not None or bool(failure.causes)
    ended = collected.cut or collected.reader_left
    failed = status is not None or seen or ended or bool(headers)
    failed = failed or (not said.prose and _is_reported(places))
    return Signals(
        status,
        provider,
        hint,
        words,
        tuple(terms),
        should_retry,
        answered,
        coded,
        said.prose,
        failed,
    )


def _is_reported(places: list[Place]) -> bool:
    """Whether anything but a mention of errors in a pasted text speaks of a failure."""
    return any(
        place.origin < Origin.CONTEXT and (place.where != "text" or reports(place.value))
        for place in places
    )


class _Said(NamedTuple):
    """The texts that codes, statuses and hints are read in, and those whose words count.

    prose: whether nothing but context speaks.
    """

    texts: list[tuple[Place, str]]
    words: list[str]
    prose: bool = False


def _what_was_said(places: list[Place]) -> _Said:
    """An envelope's sentence first, else an error's; the context only where neither is there."""
    codes = [place.value for place in places if place.origin is Origin.CODE]
    texts = [
        (place, ends_of(without_quotes(place.value)))
        for place in places
        if place.origin is Origin.SENTENCE or place.origin is Origin.ERROR
    ]
    sentences = [text for place, text in texts if place.origin is Origin.SENTENCE]
    if any(text.strip() for text in sentences):
        return _Said(texts, [*sentences, *codes])
    if texts or codes:
        return _Said(texts, [*codes, *(text for _, text in texts)])
    context = [place for place in places if place.origin is Origin.CONTEXT]
    told = [one for place in context for one in sentences_of(without_quotes(place.value))]
    exact = [one for one in told if _MAY_TELL.search(one)]
    telling = " ".join(one for one in exact if not explains(one))
    return _Said([(context[0], telling)] if telling else [], told, prose=True)


def _who_answered(failure: Observation, places: list[Place], providers: Providers) -> Answered:
    """By what speaks, else by a frame's package, else by a host or own words in the context."""
    speaking = "\n".join(place.value for place in places if place.origin is not Origin.CONTEXT)
    answered = who_answered((ends_of(speaking, _NAME_CHARS).lower(),), failure.provider, providers)
    if answered.tier is not Tier.NOBODY:
        return answered
    context = "\n".join(place.value for place in places if place.origin is Origin.CONTEXT)
    leads = context.rstrip().endswith(":") and len(context) <= _LEAD_CHARS
    if speaking and not leads:
        context = "\n".join(_CALLED.findall(context[: 2 * READ_CHARS]))
    frames = decoded(failure.text)
    if frames and ("node_modules" in frames or "-packages/" in frames):
        package = who_answered((ends_of(frames).lower(),), None, providers)
        if package.tier is Tier.PACKAGE:
            return package
    around = who_answered((ends_of(context, _NAME_CHARS).lower(),), None, providers)
    return around if leads or not speaking or around.tier <= Tier.HOST else answered


def _first_hint(texts: list[tuple[Place, str]]) -> Hint | None:
    for place, text in texts:
        hint = hint_in_text(text, place.where)
        if hint is not None:
            return hint
    return None


def _codes(
    raised: tuple[str, str] | tuple[()],
    headers: dict[str, str],
    places: list[Place],
    texts: list[tuple[Place, str]],
) -> Iterable[str]:
    for name in ("x-amzn-errortype", "policy-id", "x-ms-error-code"):
        if name in headers:
            yield from identifiers.in_text(f"code: {headers[name]}")
    for place in places:
        if place.origin is Origin.TYPED:
            yield from identifiers.class_names(place.value[:400])
    for name in raised[:1]:
        yield from (f"innermost:{spelled}" for spelled in identifiers.class_names(name[:400]))
    for _, text in texts:
        yield from identifiers.in_text(text)
