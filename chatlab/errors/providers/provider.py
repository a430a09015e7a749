"""A provider as data: how it is recognised, and what is written down of its failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

GENERIC: Final = "generic"
"""The name under which facts stand that are nobody's own."""

COLUMNS: Final = ("statuses", "codes", "exceptions", "innermost", "transport", "phrases")
"""The fields of `Evidence` that a provider's file may add to."""


class Fact(NamedTuple):
    """A piece of evidence that is known from documentation or a program's source, not a sample.

    Parameters
    ----------
    column
        The field of `Evidence` that it belongs to, behind ``given.`` or ``unless.`` where it
        belongs to those.
    value
        As that field holds it.
    provider
        Whose fact it is; ``"generic"`` for everybody's.

    Examples
    --------
    >>> Fact("codes", "1302", "zhipu").is_number
    True
    """

    column: str
    value: str | int
    provider: str = GENERIC

    @property
    def is_number(self) -> bool:
        """Whether it is a bare number, which says nothing without the provider's name."""
        return self.column.endswith("codes") and str(self.value).lstrip("-").isdecimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How one provider, vendor, gateway or server is recognised.

    Parameters
    ----------
    name
        One word, lower-case; the name of its file.
    display
        The name that people read.
    reported_as
        What `Verdict.provider` says, for example ``"openai-compat"``; empty for its own name.
    aliases
        What else callers call it.
    hosts
        Hosts that answer for it; their subdomains too.
    names
        Words by which texts name it.
    marks
        Words that only its own interface writes: headers, fields, codes.
    classes
        Classes that clients of many providers raise for it alone.
    model_ids
        How model ids begin, such as ``us.anthropic.``; a digit follows, unless it ends with one,
        a dot or a slash.
    packages
        Client libraries that speak to nobody else, as they are imported.
    key_prefixes
        How its API keys begin.
    imitates
        Providers whose codes and words it uses too.
    serves_others
        A gateway, cloud or server: it answers for models of others and repeats their words.
    status_page
        Where it tells the public how it is.

    Examples
    --------
    >>> from chatlab.errors.providers import SHIPPED
    >>> SHIPPED["cohere"].display, SHIPPED["cohere"].reported
    ('Cohere', 'openai-compat')
    """

    name: str
    display: str
    reported_as: str = ""
    aliases: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    model_ids: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    key_prefixes: tuple[str, ...] = ()
    imitates: tuple[str, ...] = ()
    serves_others: bool = False
    status_page: str = ""

    @property
    def reported(self) -> str:
        """What `Verdict.provider` says when it answered."""
        return self.reported_as or self.name
