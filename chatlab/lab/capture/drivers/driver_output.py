"""How a Python driver tells what came of its call."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib import import_module, metadata
from typing import Any

from chatlab.errors import classify

Knobs = Mapping[str, Any]
Call = Callable[[str, Knobs], None]


Untyped = Any
"""Something of a program that chatlab does not depend on, so that its types are not at hand."""


class Logged(Exception):
    """A call has failed, and this line of a log is all that is left of it."""


def module(name: str) -> Untyped:
    """The module `name`, untyped: chatlab does not depend on it."""
    return import_module(name)


def tell(calls: Mapping[str, tuple[str, Call]], arguments: list[str]) -> None:
    """Make the call that `arguments` name, and print the one line of JSON about it.

    `calls` maps a program to the distribution that its version is read from (``"python"`` for
    the standard library) and to the call.
    """
    program, url, knobs = arguments[0], arguments[1], json.loads(arguments[2])
    distribution, call = calls[program]
    reported: dict[str, object]
    try:
        version = (
            sys.version.split()[0] if distribution == "python" else metadata.version(distribution)
        )
    except metadata.PackageNotFoundError:
        reported = {"missing": f"pip install {distribution}"}
    else:
        reported = {"version": version}
        try:
            with redirect_stdout(sys.stderr):
                call(url, knobs)
            reported["passed"] = True
        except Logged as line:
            reported["text"] = str(line)
        except BaseException as error:
            reported |= observed(error)
    print(json.dumps(reported, default=str))


def observed(error: BaseException) -> dict[str, object]:
    """What `error` shows, in the fields of a sample, and the verdict on the live exception."""
    kind, verdict = type(error), classify(error)
    plain = kind.__module__ == "builtins"
    wraps = error.__cause__ is not None or error.__context__ is not None
    return {
        **_answer(error),
        "exception": {
            "type": kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}",
            "text": str(error),
        },
        "text": chain(error) if wraps else None,
        "live": [str(verdict.kind), verdict.retryable],
    }


def _answer(error: BaseException) -> dict[str, object]:
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        about = response.get("ResponseMetadata", {})
        said = {name: value for name, value in response.items() if name != "ResponseMetadata"}
        seen = {"status": about.get("HTTPStatusCode"), "headers": about.get("HTTPHeaders", {})}
        return {**seen, "body": said}
    statuses = (
        getattr(holder, name, None)
        for holder in (error, response)
        for name in ("status_code", "status", "code")
    )
    held = getattr(response, "headers", None) or getattr(error, "headers", None) or {}
    body = getattr(error, "body", None)
    if body is None and response is not None:
        page = getattr(response, "text", None)
        body = page if isinstance(page, str) else getattr(error, "details", None)
    return {
        "status": next((one for one in statuses if isinstance(one, int)), None),
        "headers": dict(held.items()),
        "body": body,
    }


def chain(error: BaseException) -> str:
    """The traceback of `error` with its causes, but without frames."""
    reported = traceback.TracebackException.from_exception(error)
    waiting: list[traceback.TracebackException | None] = [reported]
    while waiting:
        link = waiting.pop()
        if link is not None:
            link.stack = traceback.StackSummary()
            waiting += [link.__cause__, link.__context__, *(link.exceptions or ())]
    lines = "".join(reported.format()).splitlines()
    return "\n".join(line for line in lines if line != "Traceback (most recent call last):")
