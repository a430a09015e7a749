"""What can be captured: every program with every fault that it meets, and the sample of it."""

from __future__ import annotations

import json
import re
import site
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatlab.corpus.sanitizer.sanitizing import sanitize
from chatlab.lab.capture.faults.fault import ClientFault, Label
from chatlab.lab.capture.faults.plans import Plan
from chatlab.lab.capture.observation import CaptureError, Observation, tools
from chatlab.lab.capture.programs import run_program
from chatlab.lab.capture.programs.other_programs import OTHER_PROGRAMS
from chatlab.lab.capture.programs.program import Program
from chatlab.lab.capture.programs.python_programs import PYTHON_PROGRAMS
from chatlab.lab.capture.servers import run_server
from chatlab.lab.capture.servers.gateways import GATEWAYS
from chatlab.lab.capture.servers.proxies import PROXIES
from chatlab.lab.capture.servers.server import Case, Server
from chatlab.lab.capture.settle import settle

PROGRAMS: Final[Mapping[str, Program]] = {
    one.name: one for one in (*PYTHON_PROGRAMS, *OTHER_PROGRAMS)
}
"""Every client program by its name. One that words two faults alike meets only one of them."""

SERVERS: Final[Mapping[str, Server]] = {one.name: one for one in (*PROXIES, *GATEWAYS)}
"""Every proxy and gateway by its name."""

_KEPT_HEADERS: Final = re.compile(
    r"content-type|server|via|retry-after(-ms)?|x-should-retry|x-amzn-errortype|x-ratelimit-.*"
    r"|ratelimit-.*|anthropic-ratelimit-.*"
)
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One capture: `program` and `fault` are the words of the command line.

    provider: who answers, as far as the payload shows. maker: whose SDK it is. folder: of the
    sample, where the payload does not show who answers.
    """

    program: str
    fault: str
    label: Label
    provider: str | None
    maker: str | None = None
    folder: str = "clients"

    @property
    def slug(self) -> str:
        """The name of the sample's file."""
        return f"captured-{self.program}-{self.fault}"

    @property
    def id(self) -> str:
        """The sample's id in a corpus."""
        return f"{self.provider or self.folder}/{self.slug}"

    @property
    def command(self) -> str:
        """What captures it again."""
        return f"python -m chatlab.lab.capture {self.program} {self.fault}"


def recipes() -> list[Recipe]:
    """Every recipe, clients first."""
    found = [
        Recipe(
            program.name, name, program.labels.get(name, fault.label), fault.provider, program.maker
        )
        for program in PROGRAMS.values()
        for name, fault in program.meets().items()
    ]
    return found + [
        Recipe(
            server.name, _named(case, log), _labelled(case, log), server.provider, folder="proxies"
        )
        for server in SERVERS.values()
        for case in server.cases
        for log in (False, True)
        if (case.log if log else case.page)
    ]


def _named(case: Case, log: bool) -> str:
    return f"{case.name}-log" if log else case.name


def _labelled(case: Case, log: bool) -> Label:
    if not log:
        return case.label
    label = case.label
    return Label(
        label.kind,
        label.retryable,
        f"{label.why}; the gateway's own log line",
        case.log_status,
        None,
        label.accept,
        label.confidence,
    )


def captured(chosen: list[Recipe]) -> Iterator[tuple[Recipe, dict[str, object] | CaptureError]]:
    """Run each of `chosen`: the record of its sample, or why there is none.

    A server is started once for all of its recipes.
    """
    by_server: dict[str, list[Recipe]] = {}
    for recipe in chosen:
        program = PROGRAMS.get(recipe.program)
        if program is None:
            by_server.setdefault(recipe.program, []).append(recipe)
            continue
        fault = program.meets()[recipe.fault]
        try:
            seen = run_program.observe(program, fault)
        except CaptureError as error:
            yield recipe, error
        else:
            yield recipe, _of_client(recipe, program, fault, seen)
    for name, wanted in by_server.items():
        yield from _served(SERVERS[name], wanted)


def _served(
    server: Server, wanted: list[Recipe]
) -> Iterator[tuple[Recipe, dict[str, object] | CaptureError]]:
    waiting = {recipe.fault: recipe for recipe in wanted}
    cases = [
        case
        for case in server.cases
        if case.name in waiting or (case.log and f"{case.name}-log" in waiting)
    ]
    try:
        for case, log, seen in run_server.observe(server, cases):
            recipe = waiting.pop(_named(case, log), None)
            if recipe is not None:
                surface = "log_line" if log else "http_error"
                yield recipe, _record(recipe, server.title, "chat_completions", surface, seen)
    except CaptureError as error:
        for recipe in waiting.values():
            yield recipe, error


def _of_client(
    recipe: Recipe, program: Program, fault: ClientFault, seen: Observation
) -> dict[str, object]:
    sent = _status_of(fault.plan)
    if seen.status != sent or sent < 400:
        # A status that nobody sent is the client's own, such as its parser's 400.
        seen = Observation(
            seen.version, None, {}, seen.body, seen.exception, seen.text, seen.ports, seen.live
        )
    if seen.status is not None:
        surface = "http_error" if seen.exception is None else "sdk_exception"
    elif fault.name.startswith(("sse-", "stream-")):
        surface = "truncated_stream" if fault.label.kind == "timeout" else "stream_event"
    elif seen.exception is None:
        surface = "log_line"
    else:
        surface = "transport"
    return _record(recipe, program.title, program.api, surface, seen)


def _status_of(plan: Plan) -> int:
    opening = plan[0] if plan else b""
    found = _STATUS.match(opening) if isinstance(opening, bytes) else None
    return int(found[1]) if found else 0


def _record(
    recipe: Recipe, title: str, api: str | None, surface: str, seen: Observation
) -> dict[str, object]:
    headers = {name.lower(): value for name, value in seen.headers.items()}
    volatile: dict[str, object] = {
        "headers": {
            name: value for name, value in headers.items() if _KEPT_HEADERS.fullmatch(name)
        },
        "body": _decoded(seen.body),
        "exception": dict(seen.exception) if seen.exception else None,
        "text": seen.text,
    }
    settled, removed = settle(volatile, seen.ports, _folders())
    if len(headers) > len(volatile["headers"] if isinstance(volatile["headers"], dict) else {}):
        removed.add("headers")
    if seen.text is not None and seen.exception is not None:
        removed.add("stack frames")
    label = recipe.label
    shown = json.dumps(settled)
    expected = {**label.expected, "provider": recipe.provider}
    if seen.status is None and str(label.status_code) not in shown:
        expected["status_code"] = None
    if "retry-after" not in headers and "retryDelay" not in shown:
        expected["retry_after_s"] = None
    accept = {
        **(label.accept or {}),
        **({"provider": [recipe.maker]} if recipe.maker and not recipe.provider else {}),
    }
    record = {
        "provider": recipe.provider,
        "vendor": title,
        "api": api,
        "surface": surface,
        "status": seen.status,
        **(settled if isinstance(settled, dict) else {}),
        "expected": expected,
        "accept": accept or None,
        "why": label.why,
        "confidence": label.confidence,
        "provenance": "captured",
        "source": {"program": title, "version": seen.version, "command": recipe.command},
        "redactions": sorted(removed),
    }
    clean = sanitize(record)
    removed |= {one.kind for one in clean.removed}
    return {**clean.record, "redactions": sorted(removed)}


def _decoded(body: object) -> object:
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body) if body.lstrip()[:1] in ("{", "[") else body
    except ValueError:
        return body


def _folders() -> dict[str, str]:
    found = {str(tools()): "/opt/capture", sys.prefix: "/opt/python"}
    found |= dict.fromkeys(site.getsitepackages(), "/opt/python/lib/site-packages")
    found |= {str(Path(__file__).parents[3]): "/opt/chatlab", tempfile.gettempdir(): "/tmp"}
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))
