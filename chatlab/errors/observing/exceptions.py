"""An exception with all that it wraps, as one failure.

Of a chain the innermost exception that has a field gives it. Of a group, as of any exception that
holds several, one member speaks with its own chain and gives every field: the first that an
answer or a connection speaks from, else the first whose words name a status or a provider, else
the first that is no bug of the program, else the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from chatlab.errors.failure import Failure
from chatlab.errors.observing.attributes import ATTACHED, attribute, is_a
from chatlab.errors.observing.frames import is_another_call, provider_of_frames
from chatlab.errors.observing.raised import (
    Link,
    attributes_of_link,
    body_of_link,
    first,
    headers_of_link,
    is_unanswered,
    link_of,
    name_of_link,
    provider_of_link,
    raised_by,
    reset_of_link,
    said_by,
    status_of_link,
)
from chatlab.errors.reading.http_status import is_error_status
from chatlab.errors.reading.own_code import is_own_bug
from chatlab.errors.verdict import Verdict

MAX_CHAIN: Final = 10_000
"""How many exceptions of a cause chain or group are looked at."""

_KEPT: Final = 64  # of a longer chain: half of them the outermost, half the innermost
_MAX_DEPTH: Final = 16
_MAX_READ: Final = 32  # of the members of one group, whose words are read to choose one
_WORST: Final = 9
_ADDRESSED: Final = frozenset({"response", "request", "request_info"})
_WRAPPED: Final = ("reason", "cause", "original_exception", "exc", "last_attempt")


def seen_in(exception: object) -> Failure | Verdict:
    """The verdict that `exception`, or one that it wraps, carries; else the failure it shows."""
    links = chain_of(exception)
    return attached_to(links) or failure_of(links)


def attached_to(links: list[Link]) -> Verdict | None:
    """The outermost verdict that one of `links` carries."""
    for link in links:
        if ATTACHED in link.told and is_a(link.told[ATTACHED], Verdict):
            return cast("Verdict", link.told[ATTACHED])
    return None


def failure_of(links: list[Link]) -> Failure:
    """The failure that a chain, outermost first, shows."""
    inner_first = links[::-1] if len(links) > 1 else links
    kept = links if len(links) <= _KEPT else links[: _KEPT // 2] + links[-_KEPT // 2 :]
    telling = [link for link in inner_first if link.told or link.name.startswith("grpc.")]
    holding = [link for link in inner_first if link.held]
    return Failure(
        status=_status(telling, inner_first),
        headers=first(headers_of_link, telling),
        body=first(body_of_link, telling),
        exception_type=links[0].name,
        exception_text=said_by(links[0]),
        causes=tuple([raised_by(link) for link in kept[1:]]),
        provider=_provider(telling, links),
        reset=first(reset_of_link, holding),
        attributes=_attributes(telling),
    )


def _provider(telling: list[Link], links: list[Link]) -> str | None:
    found = first(name_of_link, telling) or first(provider_of_link, telling)
    if found is not None or any(not _ADDRESSED.isdisjoint(link.told) for link in telling):
        return found
    outermost = provider_of_frames(links[0].exception)
    if outermost is not None or len(links) == 1:
        return outermost
    return provider_of_frames(links[-1].exception)


def _attributes(telling: list[Link]) -> Mapping[str, object] | None:
    found: dict[str, object] = {}
    for link in telling:
        try:
            carried = attributes_of_link(link)
        except Exception:  # what a hostile attribute does counts as not observed
            continue
        if carried:
            found = {**carried, **found}
    return found or None


def _status(telling: list[Link], inner_first: list[Link]) -> int | None:
    other = None
    for link in telling:
        if not (link.name.startswith("litellm.") and is_unanswered(inner_first)):
            status = first(status_of_link, [link])
            if status is not None and is_error_status(status):
                return status
            other = status if other is None else other
    return other


def chain_of(exception: object) -> list[Link]:
    """`exception`, then what it wraps, and so on; safe against cycles, bounded."""
    return _chain(exception, 0, [MAX_CHAIN])


def _chain(exception: object, depth: int, budget: list[int]) -> list[Link]:
    known, level, found = {id(exception)}, [link_of(exception)], []
    while level and budget[0] > 0:
        found += level
        budget[0] -= len(level)
        below: list[Link] = []
        for link in level:
            inner = [one for one in _wrapped_by(link) if id(one) not in known]
            grouped = link.held or "exceptions" in link.told
            members = _members(link, known) if grouped else []
            if len(members) > 1 and depth < _MAX_DEPTH:
                return found + _speaking(members + inner, depth + 1, budget)
            for one in (inner + members)[: budget[0]]:
                if id(one) not in known:
                    known.add(id(one))
                    below.append(link_of(one))
        level = below
    return found


def _speaking(members: list[object], depth: int, budget: list[int]) -> list[Link]:
    """The chain of the member that gives every field of a group."""
    interrupted = [one for one in members if is_a(one, KeyboardInterrupt)]
    best: list[Link] = []
    lowest = _WORST
    for number, member in enumerate(interrupted or members):
        links = _chain(member, depth, budget)
        rank = _rank(links, number < _MAX_READ) if links else _WORST
        if rank < lowest:
            best, lowest = links, rank
        if rank == 0 or budget[0] <= 0:
            break
    return best


def _rank(links: list[Link], read_words: bool) -> int:
    """How surely a chain tells of a provider's failure; 0 is the surest."""
    if attached_to(links) is not None:
        return 0
    failure, innermost = failure_of(links), links[-1]
    status = failure.status
    answered = isinstance(status, int) and is_error_status(status)
    if answered or failure.body or failure.reset or _is_of_a_connection(innermost.exception):
        return 0
    if read_words:
        signals = failure.signals
        if signals.status is not None or signals.provider is not None:
            return 1
    if is_own_bug(innermost.name, said_by(innermost)):
        return 4
    return 2 if "." in innermost.name else 3


def _is_of_a_connection(exception: object) -> bool:
    return is_a(exception, ConnectionError) or is_a(exception, TimeoutError)


def _wrapped_by(link: Link) -> Iterator[object]:
    """What `link` wraps as one: its cause or context, and what an attribute of it holds."""
    exception = link.exception
    cause = attribute(exception, "__cause__")
    if cause is not None:
        yield cause
    elif not attribute(exception, "__suppress_context__"):
        context = attribute(exception, "__context__")
        if context is not None and not is_another_call(exception, context):
            yield context
    for name in _WRAPPED:
        if name in link.told:
            value = link.told[name]
            if name == "last_attempt":  # tenacity's, a future
                value = attribute(value, "_exception")
            if is_a(value, BaseException):
                yield value


def _members(link: Link, known: set[int]) -> list[object]:
    """The exceptions that `link` holds beside each other."""
    found: dict[int, object] = {}
    for several in (link.told.get("exceptions"), link.held):
        if type(several) is tuple or type(several) is list:
            for one in several:
                if is_a(one, BaseException) and id(one) not in known:
                    found[id(one)] = one
    return list(found.values())
