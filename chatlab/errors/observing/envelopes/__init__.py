"""The records in which tools keep calls, as data: one small reader for each kind."""

from __future__ import annotations

from collections.abc import Mapping

from chatlab.errors.observing.envelopes.call import MAX_CALLS, Call, Record
from chatlab.errors.observing.envelopes.proxies import proxy_calls
from chatlab.errors.observing.envelopes.reports import (
    ai_sdk_calls,
    celery_calls,
    log_calls,
    loguru_calls,
    notebook_calls,
    sentry_calls,
)
from chatlab.errors.observing.envelopes.spans import otlp_calls, span_calls, tracer_calls
from chatlab.errors.observing.envelopes.traffic import batch_calls, cassette_calls, har_calls

__all__ = ["Call", "calls_in", "calls_in_text"]

_READERS = (
    har_calls,
    otlp_calls,
    span_calls,
    sentry_calls,
    ai_sdk_calls,
    notebook_calls,
    batch_calls,
    cassette_calls,
    celery_calls,
    loguru_calls,
    tracer_calls,
    log_calls,
)


def calls_in(document: object) -> tuple[Call, ...] | None:
    """The calls that a decoded `document` records.

    Parameters
    ----------
    document
        Decoded JSON: one record, or a list of records.

    Returns
    -------
    tuple of Call or None
        None when the document is no record that is known.

    Examples
    --------
    >>> calls_in({"level": "error", "time": 1, "msg": "Request timed out."})[0].text
    'Request timed out.'
    >>> calls_in({"error": {"message": "Request timed out."}}) is None
    True
    """
    if isinstance(document, list | tuple) and document:
        several = [calls_in(one) for one in document[:MAX_CALLS] if isinstance(one, Mapping)]
        if len(several) < len(document[:MAX_CALLS]) or None in several:
            return None
        return tuple(call for calls in several for call in calls or ())[:MAX_CALLS]
    if not isinstance(document, Mapping):
        return None
    record = Record(document)
    return next((calls for read in _READERS if (calls := read(record)) is not None), None)


def calls_in_text(text: str) -> tuple[Call, ...] | None:
    """The calls that the log lines of a proxy record, or None when `text` is something else."""
    return proxy_calls(text)
