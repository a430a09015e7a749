"""From an observed failure to the fields of a corpus record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Final

from chatlab.corpus.checking import CHECKED
from chatlab.corpus.sanitizer.json_walk import changed
from chatlab.errors import Failure, Kind, Raised, Verdict, classify
from chatlab.errors.reading.fields import parsed
from chatlab.errors.reading.signals import lower_headers
from chatlab.errors.reading.text.phrases import clean
from chatlab.errors.reading.text.streams import is_event_stream

OBSERVED: Final = ("status", "headers", "body", "exception", "text")
"""The fields of a record that hold the observation."""

_PATHS: Final = (
    ("/chat/completions", "chat_completions"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    ("/embeddings", "embeddings"),
    (":generatecontent", "generate_content"),
    (":streamgeneratecontent", "generate_content"),
    ("/converse", "converse"),
    ("/converse-stream", "converse"),
)
"""How the path of a call ends, and the interface that it belongs to."""

_CLIENTS: Final = frozenset(
    (
        *("openai", "anthropic", "httpx", "httpx2", "httpcore", "h2", "requests", "urllib3"),
        *("aiohttp", "botocore", "grpc", "litellm"),
    )
)
_DISTRIBUTIONS: Final = {"grpc": "grpcio"}


def record_of(failure: Failure) -> dict[str, object]:
    """A record of `failure`: who answered, where it was seen, and what was seen.

    Of the ways to write an exception's causes down, the first that is judged as `failure` is.
    """
    verdict = classify(failure)
    written = _written(failure, verdict, _causes_as_text)
    if failure.causes and differences(verdict, classify(Failure.from_record(written))):
        flat = _written(failure, verdict, _causes_in_exception)
        if not differences(verdict, classify(Failure.from_record(flat))):
            return flat
    return written


def differences(before: Verdict, after: Verdict) -> list[str]:
    """In which fields that a sample checks two verdicts differ, a line each."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in CHECKED)
    return [f"{name}: {one}, then {other}" for name, one, other in pairs if one != other]


def api_at(path: str) -> str | None:
    """The interface that a call to `path`, of a URL, used; None when the path does not tell."""
    ending = path.lower().rstrip("/")
    return next((api for end, api in _PATHS if ending.endswith(end)), None)


def client_of(exception_type: str | None) -> tuple[str, str | None] | None:
    """The known client library that an exception's dotted class name belongs to, and its version.

    The version is None when the library is not installed here; without a known library None.
    """
    library = (exception_type or "").partition(".")[0]
    if library not in _CLIENTS:
        return None
    try:
        return library, metadata.version(_DISTRIBUTIONS.get(library, library))
    except metadata.PackageNotFoundError:
        return library, None


def encodable(value: object) -> object:
    """A copy of `value`, made of JSON's types, that every file can hold."""
    return changed(value, lambda _where, _key, text, _bare: clean(text), "")


_Written = tuple[dict[str, object] | None, str | None]


def _written(
    failure: Failure, verdict: Verdict, causes: Callable[[Failure], _Written]
) -> dict[str, object]:
    exception, text = causes(failure)
    client = client_of(failure.exception_type)
    status = failure.status
    record = {
        "provider": failure.signals.provider,
        "vendor": f"{client[0]} (python)" if client else None,
        "api": None,
        "surface": _surface(failure, verdict),
        "status": status if isinstance(status, int) and not isinstance(status, bool) else None,
        "headers": dict(lower_headers(failure.headers)),
        "body": parsed(failure.body),
        "exception": exception,
        "text": text,
    }
    copy = encodable(record)
    return dict(copy) if isinstance(copy, Mapping) else record


def _causes_as_text(failure: Failure) -> _Written:
    """The causes as in a traceback: the innermost first, without frames."""
    exception = _exception(failure.exception_type, failure.exception_text)
    texts = [_line(cause) for cause in reversed(_causes(failure))]
    text = failure.text if isinstance(failure.text, str) else None
    return exception, "\n\n".join([*texts, *([text] if text else [])]) or None


def _causes_in_exception(failure: Failure) -> _Written:
    """The causes after the exception's own text."""
    lines = [failure.exception_text or "", *map(_line, _causes(failure))]
    text = failure.text if isinstance(failure.text, str) else None
    return _exception(failure.exception_type, "\n".join(filter(None, lines))), text


def _causes(failure: Failure) -> list[Raised]:
    """The causes that add information: a deadline always cancels what it waits for."""
    deadline = _class_of(failure.exception_type) == "TimeoutError"
    return [
        cause
        for cause in failure.causes
        if not (deadline and not cause.text and _class_of(cause.type) == "CancelledError")
    ]


def _class_of(exception_type: str | None) -> str:
    return (exception_type or "").rpartition(".")[2]


def _exception(name: str | None, text: str | None) -> dict[str, object] | None:
    return {"type": name, "text": text or ""} if name or text else None


def _line(cause: Raised) -> str:
    return f"{cause.type}: {cause.text}" if cause.text else cause.type


def _surface(failure: Failure, verdict: Verdict) -> str:
    return next(name for name, seen in _surfaces(failure, verdict) if seen)


def _surfaces(failure: Failure, verdict: Verdict) -> Iterator[tuple[str, bool]]:
    raised = bool(failure.exception_type or failure.exception_text)
    answered = failure.body is not None or failure.signals.status is not None
    stream = isinstance(failure.body, str) and is_event_stream(failure.body)
    yield "truncated_stream", "sign:stream-cut" in failure.signals.terms
    yield "transport", raised and not answered and verdict.kind is Kind.TIMEOUT
    yield "sdk_exception", raised
    yield "stream_event", stream
    yield "log_line", failure.text is not None and failure.body is None and failure.status is None
    yield "http_error", True
