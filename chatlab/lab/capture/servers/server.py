"""A server that is run in front of an origin, and one question to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatlab.lab.capture.faults.fault import Label
from chatlab.lab.capture.faults.plans import Act, Plan


@dataclass(frozen=True, slots=True)
class Case:
    """One question to a server, and what its upstream does meanwhile.

    path and headers may hold ``{upstream}`` and ``{nobody}``, two ports. body: what is posted.
    asked: how often; the last answer counts. page: whether the answer is a sample. log: what the
    telling log lines hold, when they are a sample too, and log_status: the status in them.
    """

    name: str
    label: Label
    plan: Plan = (Act.CLOSE,)
    path: str = "/v1/chat/completions"
    body: str = "{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: int = 1
    page: bool = True
    log: str | None = None
    log_status: int | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A server: its configuration file, its commands, and the cases.

    Commands may hold ``{config}``, ``{folder}``, ``{port}`` and ``{tools}``. log: the file of its
    log lines, in the folder. provider: who answers, None when the answers do not show it.
    """

    name: str
    title: str
    config: str | None
    command: tuple[str, ...]
    version: tuple[str, ...]
    hint: str
    cases: tuple[Case, ...]
    log: str = "output.log"
    ready: str | None = None
    provider: str | None = None
    prepare: tuple[str, ...] = ()
