"""Spans and runs of observability tools: OpenTelemetry's and those of tracers for models.

A span of OpenTelemetry says in its status, an exception event or an attribute that it failed. A
tracer's own record says so in a field of its own. The input and the output are never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from chatlab.errors.observing.envelopes.call import MAX_CALLS, Call, Record

_PROVIDER_NAMES: Final = (
    *("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
    *("server.address", "url.full", "http.url"),
)
_MAX_ATTRIBUTES: Final = 1_000
_STATUS_NAMES: Final = ("http.response.status_code", "http.status_code")
_FAILED: Final = (2, "2", "ERROR", "STATUS_CODE_ERROR", "Error")
_CANCELLED: Final = ("CancelledError", "GeneratorExit", "asyncio.exceptions.CancelledError")


def otlp_calls(document: Record) -> tuple[Call, ...] | None:
    """The spans of an OTLP export in JSON."""
    resources = "resourceSpans" if "resourceSpans" in document.fields else "resource_spans"
    if not isinstance(document.at(resources), list):
        return None
    return tuple(_otlp_spans(document, resources))[:MAX_CALLS]


def _otlp_spans(document: Record, resources: str) -> Iterator[Call]:
    for a, resource in document.records(resources):
        for scopes in ("scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            for b, scope in resource.records(scopes):
                for c, span in scope.records("spans"):
                    yield _span(span, f"{resources}[{a}].{scopes}[{b}].spans[{c}]")


def span_calls(document: Record) -> tuple[Call, ...] | None:
    """One span as OpenTelemetry's SDKs print it."""
    context = document.at("context")
    known = isinstance(context, Mapping) and ("trace_id" in context or "traceId" in context)
    if not known or not {"status", "attributes", "events"} & document.fields.keys():
        return None
    return (_span(document, ""),)


def _span(span: Record, where: str) -> Call:
    values = _attributes(span.at("attributes"))
    code = span.at("status", "code") or span.at("status", "status_code")
    raised: dict[str, object] = {}
    for _, event in span.records("events"):
        if event.at("name") == "exception":
            raised = _attributes(event.at("attributes"))
    status = next((values[name] for name in _STATUS_NAMES if name in values), None)
    told = span.text("status", "description") or span.text("status", "message")
    kind = _text(raised.get("exception.type")) or _text(values.get("error.type"))
    said = _text(raised.get("exception.message")) or told
    langfuse = _text(values.get("langfuse.observation.status_message"))
    failed = code in _FAILED or bool(raised) or "error.type" in values or _is_error(status)
    return Call(
        where=where,
        failed=failed or values.get("langfuse.observation.level") == "ERROR",
        status=status,
        exception_type=kind,
        exception_text=said or langfuse,
        provider=_text(next((values[n] for n in _PROVIDER_NAMES if n in values), None)),
        reader_left=kind in _CANCELLED,
    )


def _is_error(status: object) -> bool:
    return (isinstance(status, int) and status >= 400) or (
        isinstance(status, str) and len(status) == 3 and status[:1] in "45"
    )


def _attributes(attributes: object) -> dict[str, object]:
    """The attributes of a span by name, in a mapping or in OTLP's list of keys and values."""
    if isinstance(attributes, Mapping):
        return {str(name): value for name, value in islice(attributes.items(), _MAX_ATTRIBUTES)}
    found: dict[str, object] = {}
    for _, pair in Record({"list": attributes}).records("list"):
        name, value = pair.text("key"), pair.at("value")
        if name is not None and isinstance(value, Mapping):
            found[name] = next(iter(value.values()), None)
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def tracer_calls(document: Record) -> tuple[Call, ...] | None:
    """A record of Langfuse, LangSmith, Opik, Braintrust, or of LiteLLM's logging."""
    fields = document.fields
    if "span_attributes" in fields and "span_id" in fields:  # Braintrust
        return (_run(document, document.text("error"), document.text("metadata", "provider")),)
    if "trace_id" in fields and "project_name" in fields:  # Opik
        said = document.text("error_info", "message")
        return (_run(document, said, document.text("provider"), ("error_info", "exception_type")),)
    if "run_type" in fields and "inputs" in fields:  # LangSmith
        vendor = document.text("extra", "metadata", "ls_provider")
        return (_run(document, document.text("error"), vendor),)
    if "statusMessage" in fields and "level" in fields:  # Langfuse
        said = document.text("statusMessage") if fields.get("level") == "ERROR" else None
        vendor = _before(document.text("name"), "-generation")
        return (_run(document, said, vendor),)
    if "custom_llm_provider" in fields and {"error_information", "error_str"} & fields.keys():
        return (_litellm(document),)
    return None


def _before(name: str | None, ending: str) -> str | None:
    return name.removesuffix(ending) if name is not None and name.endswith(ending) else None


def _run(
    document: Record, said: str | None, provider: str | None, kind: tuple[str, ...] = ()
) -> Call:
    return Call(
        where="",
        failed=said is not None,
        exception_type=document.text(*kind) if kind else None,
        exception_text=said,
        provider=provider,
    )


def _litellm(document: Record) -> Call:
    said = document.text("error_information", "error_message") or document.text("error_str")
    return Call(
        where="",
        failed=document.at("status") == "failure" or said is not None,
        status=document.at("error_information", "error_code"),
        exception_type=document.text("error_information", "error_class"),
        exception_text=said,
        provider=document.text("custom_llm_provider"),
    )
