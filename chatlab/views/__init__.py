"""What a person sees: figures that say in a sentence what they show, cards of turns, and forms.

Everything is loaded on first use; it needs the extra ``lab``.

>>> from chatlab.views import Timeline
>>> Timeline.__name__
'Timeline'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlab.views.cards.state import CardState
    from chatlab.views.cards.turn_card import TurnCard
    from chatlab.views.figures.backoff import total_wait_chart, waits_chart
    from chatlab.views.figures.chain import savings_chart, trace_chart
    from chatlab.views.figures.figure import Chart, agreement_chart
    from chatlab.views.figures.timeline import (
        Result,
        ShownAttempt,
        ShownPart,
        TimedEvent,
        Timeline,
    )
    from chatlab.views.figures.timeline_figure import timeline_chart
    from chatlab.views.forms.backoff_explorer import BackoffExplorer
    from chatlab.views.forms.corpus_form import CorpusForm
    from chatlab.views.forms.verdict_explorer import VerdictExplorer

_HOMES = {
    "BackoffExplorer": "forms.backoff_explorer",
    "CardState": "cards.state",
    "Chart": "figures.figure",
    "CorpusForm": "forms.corpus_form",
    "Result": "figures.timeline",
    "ShownAttempt": "figures.timeline",
    "ShownPart": "figures.timeline",
    "TimedEvent": "figures.timeline",
    "Timeline": "figures.timeline",
    "TurnCard": "cards.turn_card",
    "VerdictExplorer": "forms.verdict_explorer",
    "agreement_chart": "figures.figure",
    "savings_chart": "figures.chain",
    "timeline_chart": "figures.timeline_figure",
    "total_wait_chart": "figures.backoff",
    "trace_chart": "figures.chain",
    "waits_chart": "figures.backoff",
}

__all__ = [
    "BackoffExplorer",
    "CardState",
    "Chart",
    "CorpusForm",
    "Result",
    "ShownAttempt",
    "ShownPart",
    "TimedEvent",
    "Timeline",
    "TurnCard",
    "VerdictExplorer",
    "agreement_chart",
    "savings_chart",
    "timeline_chart",
    "total_wait_chart",
    "trace_chart",
    "waits_chart",
]


def __getattr__(name: str) -> object:
    """Load a name when it is first used; `MissingExtra` says which library is missing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
