"""Running a server in front of an origin, and asking it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from chatlab.lab.capture.faults.origin import HOST, Origin
from chatlab.lab.capture.observation import PACKAGE, CaptureError, Observation, tools
from chatlab.lab.capture.programs.run_program import found, run
from chatlab.lab.capture.servers.server import Case, Server

_PORT: Final = 8080
_UPSTREAM: Final = 8081
_NOBODY: Final = 8082
_START_S: Final = 90.0
_LOG_S: Final = 5.0
_PRIVATE: Final = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "*"}


def observe(server: Server, cases: Iterable[Case]) -> Iterator[tuple[Case, bool, Observation]]:
    """Run `server` once and put all `cases` to it.

    Gives the case, whether what follows are its log lines, and what was seen.
    """
    with (
        Origin(()) as upstream,
        Origin((), listening="refused") as nobody,
        tempfile.TemporaryDirectory(prefix="chatlab-") as name,
    ):
        folder = Path(name)
        folder.chmod(0o777)
        port = _free_port()
        ports = {"port": port, "upstream": upstream.port, "nobody": nobody.port}
        filled = {name: str(value) for name, value in ports.items()}
        filled |= {"folder": name, "tools": str(tools()), "drivers": str(PACKAGE / "drivers")}
        version = _version(server, filled)
        stable = {port: _PORT, upstream.port: _UPSTREAM, nobody.port: _NOBODY}
        log = folder / server.log
        with _running(server, folder, filled):
            for case in cases:
                upstream.plan = case.plan
                start = log.stat().st_size if log.exists() else 0
                try:
                    seen = _ask(port, case, filled)
                except OSError as error:
                    reported = f"{server.name}: {case.name}: gave no answer ({error})"
                    raise CaptureError(reported) from None
                if case.page:
                    yield case, False, _answered(version, seen, stable)
                if case.log is not None:
                    text = _log_line(server, case, log, start)
                    yield case, True, Observation(version, text=text, ports=stable)


def _answered(
    version: str, seen: tuple[int, dict[str, str], str], ports: Mapping[int, int]
) -> Observation:
    status, headers, body = seen
    shown = status if status >= 400 else None
    return Observation(version, status=shown, headers=headers, body=body or None, ports=ports)


def _version(server: Server, filled: Mapping[str, str]) -> str:
    program, *rest = (_fill(part, filled) for part in server.version)
    path = found(server.name, program, _fill(server.hint, filled))
    done = run(server.name, [path, *rest])
    version = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return version[0] if version else ""


@contextmanager
def _running(server: Server, folder: Path, filled: Mapping[str, str]) -> Iterator[None]:
    filled = dict(filled)
    if server.config is not None:
        config = folder / server.config
        template = (PACKAGE / "configs" / server.config).read_text(encoding="utf-8")
        config.write_text(_fill(template, filled), encoding="utf-8")
        filled["config"] = str(config)
    if server.prepare:
        done = run(server.name, [_fill(part, filled) for part in server.prepare])
        if done.returncode:
            raise CaptureError(f"{server.name}: cannot be prepared: {done.stderr[-300:]}")
    program, *rest = (_fill(part, filled) for part in server.command)
    command = [found(server.name, program, _fill(server.hint, filled)), *rest]
    with ExitStack() as stack:
        output = stack.enter_context((folder / "output.log").open("wb"))
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **_PRIVATE}, cwd=folder
        )
        stack.callback(_stop, process)
        _await(server, process, int(filled["port"]), folder)
        yield


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await(server: Server, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < end:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            if server.ready is None:
                connection.connect()
                return
            connection.request("GET", server.ready)
            connection.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
        finally:
            connection.close()
    said = (folder / "output.log").read_text(encoding="utf-8", errors="replace")[-300:]
    raise CaptureError(f"{server.name}: did not start; it said: {said.strip()}")


def _ask(port: int, case: Case, filled: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
    for last in reversed(range(case.asked)):
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        headers = {"content-type": "application/json", **case.headers}
        connection.request("POST", _fill(case.path, filled), case.body, headers)
        response = connection.getresponse()
        try:
            body = response.read()
        except http.client.IncompleteRead as cut:
            body = cut.partial
        connection.close()
        if last:
            time.sleep(0.5)
    given = {name.lower(): value for name, value in response.getheaders()}
    return response.status, given, body.decode("utf-8", "replace")


def _log_line(server: Server, case: Case, log: Path, start: int) -> str:
    end = time.monotonic() + _LOG_S
    while time.monotonic() < end:
        raw = log.read_bytes()[start:] if log.exists() else b""
        lines = raw.decode("utf-8", "replace").splitlines()
        reported = [line for line in lines if case.log is not None and case.log in line]
        if reported:
            return "\n".join(reported[-2:])
        time.sleep(0.1)
    raise CaptureError(f"{server.name}: {case.name}: no log line holds {case.log!r}")


def _free_port() -> int:
    with Origin((), listening="refused") as free:
        return free.port


def _fill(text: str, filled: Mapping[str, str]) -> str:
    for name, value in filled.items():
        text = text.replace(f"{{{name}}}", value)
    return text
