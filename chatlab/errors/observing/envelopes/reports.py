"""Reports of errors: Sentry's events, dumps of the AI SDK, notebooks, log records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.errors.observing.envelopes.call import Call, Record

_MESSAGE_NAMES: Final = ("message", "msg", "MESSAGE", "event", "textPayload", "log", "@message")
_LEVEL_NAMES: Final = (
    "level",
    "severity",
    "levelname",
    "log.level",
    "PRIORITY",
    "status",
    "stream",
)
_ERROR_NAMES: Final = ("err", "error", "exception", "exc_info", "exc", "error.stack", "stack_trace")
_TIME_NAMES: Final = (
    *("timestamp", "time", "ts", "@timestamp", "asctime", "__REALTIME_TIMESTAMP", "pid"),
    *("receiveTimestamp", "logName", "insertId", "logger", "logStream", "duration_ms", "date"),
)
_PINO_ERROR: Final = 50
_STATUS_NAMES: Final = ("statusCode", "status_code", "status", "code")
_QUIET: Final = frozenset({"debug", "info", "notice", "trace", "information", "default"})


def sentry_calls(document: Record) -> tuple[Call, ...] | None:
    """The exception that a Sentry event reports: the last of its values, which was raised."""
    values = list(document.records("exception", "values"))
    if not values:
        return None
    number, raised = values[-1]
    kind, module = raised.text("type"), raised.text("module")
    return (
        Call(
            where=f"exception.values[{number}]",
            failed=True,
            exception_type=f"{module}.{kind}" if module and kind else kind,
            exception_text=raised.text("value"),
            provider=module.partition(".")[0] if module else None,
        ),
    )


def ai_sdk_calls(document: Record) -> tuple[Call, ...] | None:
    """An error of Vercel's AI SDK in JSON; of several attempts the last."""
    several = list(document.records("errors"))
    if several and (document.text("name") or "").startswith("AI_"):
        last = several[-1][1]
        calls = ai_sdk_calls(last)
        return None if calls is None else calls
    if not {"statusCode", "responseHeaders", "requestBodyValues"} & document.fields.keys():
        return None
    if "url" not in document.fields:
        return None
    headers = document.at("responseHeaders")
    status, body = document.at("statusCode"), document.at("responseBody")
    answered = isinstance(status, int) and status < 400
    return (
        Call(
            where="",
            failed=True,
            status=status,
            headers=headers if isinstance(headers, Mapping) else None,
            body=body,
            exception_type=document.text("name"),
            exception_text=document.text("message") or _cause(document),
            provider=document.text("url"),
            cut=answered and not body and document.at("isRetryable") is True,
        ),
    )


def _cause(document: Record) -> str | None:
    told = (document.text("cause", name) for name in ("name", "code", "message"))
    return ": ".join(filter(None, told)) or None


def notebook_calls(document: Record) -> tuple[Call, ...] | None:
    """The errors among the outputs of a notebook file."""
    if "nbformat" not in document.fields:
        return None
    return tuple(
        Call(
            where=f"cells[{number}].outputs[{index}]",
            failed=True,
            exception_type=output.text("ename"),
            exception_text=output.text("evalue"),
        )
        for number, cell in document.records("cells")
        for index, output in cell.records("outputs")
        if output.at("output_type") == "error"
    )


def log_calls(document: Record) -> tuple[Call, ...] | None:
    """A log record: pino's, structlog's, journald's, docker's, and those of log services."""
    payload = document.at("jsonPayload") or document.at("attributes")
    inner = Record(payload) if isinstance(payload, Mapping) else document
    said = inner.first_text(*_MESSAGE_NAMES) or document.first_text(*_MESSAGE_NAMES)
    error = next((one for one in map(inner.at, _ERROR_NAMES) if one), None)
    dressed = any(name in document.fields for name in _TIME_NAMES)
    if said is None or not dressed or not _is_log(document):
        return None
    raised = _raised(error)
    dumped = ai_sdk_calls(raised)
    if dumped is not None:
        return dumped
    kind = raised.first_text("type", "name", "kind", "class", "error.kind", "exc_type")
    told = raised.first_text("message", "msg", "error.message", "value", "exc_value")
    status = next((one for name in _STATUS_NAMES if isinstance(one := raised.at(name), int)), None)
    trace = error if isinstance(error, str) else None
    return (
        Call(
            where="",
            failed=not _is_quiet(document) or told is not None or trace is not None,
            status=status,
            exception_type=kind,
            exception_text=told,
            text=said if trace is None else f"{said}: {trace}",
        ),
    )


def _raised(error: object) -> Record:
    """The exception of a log record.

    A mapping, the first of structlog's list with its causes, or the last of pino's attempts.
    """
    if isinstance(error, list | tuple) and error:
        error = error[0]
    if isinstance(error, Mapping):
        attempts = list(Record(error).records("aggregateErrors"))
        return attempts[-1][1] if attempts else Record(error)
    return Record({})


def loguru_calls(document: Record) -> tuple[Call, ...] | None:
    """A record of loguru in JSON; its text holds the values of local variables and is not read."""
    if document.text("record", "level", "name") is None or "text" not in document.fields:
        return None
    told = document.text("record", "exception", "value")
    raised = document.at("record", "exception") is not None
    level = (document.text("record", "level", "name") or "").lower()
    return (
        Call(
            where="record",
            failed=raised or level not in _QUIET | {"success"},
            exception_type=document.text("record", "exception", "type"),
            exception_text=told,
            text=document.text("record", "message"),
        ),
    )


def celery_calls(document: Record) -> tuple[Call, ...] | None:
    """A result of Celery as its backends keep it; what a task returned is no error."""
    if not {"task_id", "status", "result"} <= document.fields.keys():
        return None
    if document.text("status") == "SUCCESS":
        return (Call(where="result", failed=False),)
    said, module = document.at("result", "exc_message"), document.text("result", "exc_module")
    if isinstance(said, list | tuple):
        said = next((one for one in said if isinstance(one, str)), None)
    kind = document.text("result", "exc_type")
    if kind is None:
        return None
    return (
        Call(
            where="result",
            failed=True,
            exception_type=f"{module}.{kind}" if module else kind,
            exception_text=said if isinstance(said, str) else document.text("traceback"),
            provider=module.partition(".")[0] if module else None,
        ),
    )


def _is_log(document: Record) -> bool:
    return any(name in document.fields for name in _LEVEL_NAMES) or "logStream" in document.fields


def _is_quiet(document: Record) -> bool:
    for name in _LEVEL_NAMES:
        level = document.at(name)
        if isinstance(level, int) and not isinstance(level, bool):
            return level < _PINO_ERROR if level >= 10 else level > 4  # pino's, or syslog's
        if isinstance(level, str) and name != "stream":
            return level.lower() in _QUIET
    return False
