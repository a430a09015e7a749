"""Running a client's driver against an origin that plays a fault."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatlab.corpus.atomic_files import write_atomically
from chatlab.lab.capture.faults.fault import ClientFault
from chatlab.lab.capture.faults.origin import HOST, Origin
from chatlab.lab.capture.observation import PACKAGE, CaptureError, Observation, tools
from chatlab.lab.capture.programs.program import Program

DRIVERS: Final = PACKAGE / "drivers"
_PATIENCE_S: Final = 60.0
_PORT: Final = 8080
_PAYLOAD: Final = '{"model":"gpt-5-mini","messages":[{"role":"user","content":"Weather?"}]}'


def observe(program: Program, fault: ClientFault) -> Observation:
    """Make `program` meet `fault`, and say what it showed."""
    secured = fault.secured
    scheme = fault.scheme
    if program.cleartext_http2 and secured == "h2":
        secured, scheme = "plain", "http"
    with Origin(
        fault.plan, secured=secured, listening=fault.listening, patient=fault.patient
    ) as origin:
        url = f"{scheme}://{fault.host or HOST}:{origin.port}/v1/chat/completions"
        knobs = json.dumps(dict(fault.knobs))
        if program.language == "shell":
            reported = _SHELL[program.name](url, fault)
        else:
            command = _COMMANDS[program.language](program)
            reported = _driver_output(program, [*command, program.name, url, knobs])
        if reported.get("missing"):
            hint = str(reported["missing"]).replace(
                "npm install", f"npm install --prefix {tools()}"
            )
            raise CaptureError(f"{program.name}: not installed here; {hint}")
        if reported.get("passed"):
            raise CaptureError(f"{program.name}: {fault.name} made nothing fail")
        if not any(reported.get(name) for name in ("body", "exception", "text")):
            raise CaptureError(f"{program.name}: {fault.name} failed without a word")
        return Observation(
            version=str(reported.get("version") or _version_of(program)),
            status=_whole(reported.get("status")),
            headers=_texts(reported.get("headers")),
            body=reported.get("body") or None,
            exception=_exception(reported.get("exception")),
            text=_text(reported.get("text")),
            ports={origin.port: _PORT},
            live=_live(reported.get("live")),
        )


def _driver_output(program: Program, command: list[str]) -> dict[str, object]:
    done = run(program.name, command)
    try:
        reported = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        tail = (done.stderr or done.stdout).strip()[-400:]
        raise CaptureError(
            f"{program.name}: the driver printed no result; it printed: {tail}"
        ) from None
    return reported if isinstance(reported, dict) else {}


def run(name: str, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end; `CaptureError` when it cannot be started or never ends."""
    folder = options.get("cwd")
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S * (10 if folder else 1),
            check=False,
            cwd=str(folder) if folder else None,
        )
    except FileNotFoundError:
        raise CaptureError(f"{name}: needs {command[0]}; install it") from None
    except subprocess.TimeoutExpired:
        raise CaptureError(f"{name}: did not come to an end in {_PATIENCE_S:g} s") from None


def found(name: str, program: str, hint: str) -> str:
    """The path of an executable, or `CaptureError` with what to install."""
    path = shutil.which(program, path=None) or shutil.which(program, path="/usr/sbin:/usr/bin")
    if path is None:
        raise CaptureError(f"{name}: {program} is not installed here; {hint}")
    return path


def _python(program: Program) -> list[str]:
    module = program.driver.partition(":")[2]
    return [sys.executable, "-W", "ignore", "-m", f"chatlab.lab.capture.drivers.{module}"]


def _node(program: Program) -> list[str]:
    node = found(program.name, "node", "install Node.js 20 or newer")
    driver = DRIVERS / "node_clients.mjs"
    if (tools() / "node_modules").is_dir():  # packages are looked for beside the program
        driver = _beside(driver, tools())
    return [node, "--no-warnings", str(driver)]


def _beside(source: Path, folder: Path) -> Path:
    target = folder / source.name
    if not target.exists() or target.read_bytes() != source.read_bytes():
        write_atomically(target, source.read_text(encoding="utf-8"))
    return target


def _java(program: Program) -> list[str]:
    java = found(program.name, "java", "install a JDK 17 or newer")
    return [java, str(DRIVERS / "JavaClient.java")]


def _go(program: Program) -> list[str]:
    binary = tools() / "go_client"
    _build(
        program,
        DRIVERS / "go_client.go",
        binary,
        lambda: [
            found(program.name, "go", "apt-get install golang-go"),
            *("build", "-o", str(binary), str(DRIVERS / "go_client.go")),
        ],
    )
    return [str(binary)]


def _rust(program: Program) -> list[str]:
    folder = tools() / "rust"
    binary = folder / "target" / "debug" / "rust_client"
    hint = "apt-get install librust-reqwest-dev librust-ureq-dev, and cargo"

    def command() -> list[str]:
        cargo = found(program.name, "cargo", hint)
        for source, target in (
            (PACKAGE / "configs" / "Cargo.toml", folder / "Cargo.toml"),
            (PACKAGE / "configs" / "cargo-config.toml", folder / ".cargo" / "config.toml"),
            (DRIVERS / "rust_client.rs", folder / "src" / "main.rs"),
        ):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        return [cargo, "build", "--offline", "--manifest-path", str(folder / "Cargo.toml")]

    _build(program, DRIVERS / "rust_client.rs", binary, command, cwd=folder)
    return [str(binary)]


def _build(
    program: Program,
    source: Path,
    binary: Path,
    command: Callable[[], list[str]],
    cwd: Path | None = None,
) -> None:
    if binary.exists() and binary.stat().st_mtime >= source.stat().st_mtime:
        return
    given = command()
    done = run(program.name, given, cwd=cwd or source.parent)
    if done.returncode != 0:
        raise CaptureError(f"{program.name}: the driver cannot be built: {done.stderr[-400:]}")


def _ruby(program: Program) -> list[str]:
    return [found(program.name, "ruby", "apt-get install ruby"), str(DRIVERS / "ruby_client.rb")]


def _php(program: Program) -> list[str]:
    php = found(program.name, "php", "apt-get install php-cli php-curl")
    return [php, str(DRIVERS / "php_client.php")]


def _perl(program: Program) -> list[str]:
    return [found(program.name, "perl", "apt-get install perl"), str(DRIVERS / "perl_client.pl")]


_COMMANDS: Final[dict[str, Callable[[Program], list[str]]]] = {
    "python": _python,
    "node": _node,
    "java": _java,
    "go": _go,
    "rust": _rust,
    "ruby": _ruby,
    "php": _php,
    "perl": _perl,
}


def _curl(url: str, fault: ClientFault) -> dict[str, object]:
    program = found("curl", "curl", "apt-get install curl")
    timer = fault.knobs.get("read_timeout_s", 15)
    command = [program, "--silent", "--show-error", "--fail", "--max-time", str(timer)]
    command += ["--connect-timeout", str(fault.knobs.get("connect_timeout_s", 15))]
    if fault.knobs.get("http2"):
        command += ["--http2", "--insecure"]
    if fault.knobs.get("proxy"):
        command += ["--proxy", url]
        url = "http://api.example.com/v1/chat/completions"
    done = run("curl", [*command, "--data", _PAYLOAD, url])
    return _said("curl", done)


def _wget(url: str, fault: ClientFault) -> dict[str, object]:
    program = found("wget", "wget", "apt-get install wget")
    timer = fault.knobs.get("read_timeout_s", fault.knobs.get("connect_timeout_s", 15))
    command = [program, "-nv", "--tries=1", f"--timeout={timer}", "-O", "-"]
    if fault.knobs.get("proxy"):
        command += ["-e", f"http_proxy={url}", "-e", "use_proxy=yes"]
        url = "http://api.example.com/v1/chat/completions"
    done = run("wget", [*command, f"--post-data={_PAYLOAD}", url])
    return _said("wget", done)


def _said(name: str, done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    said = run(name, [name, "--version"]).stdout
    version = re.search(r"\d+(?:\.\d+)+", said)
    if done.returncode == 0:
        return {"passed": True}
    return {"version": version[0] if version else "", "text": done.stderr.strip()}


_SHELL: Final[dict[str, Callable[[str, ClientFault], dict[str, object]]]] = {
    "curl": _curl,
    "wget": _wget,
}


def _version_of(program: Program) -> str:
    lock = (tools() / "rust" / "Cargo.lock").read_text(encoding="utf-8")
    crate = program.name.removeprefix("rust-")
    match = re.search(rf'name = "{crate}"\nversion = "([^"]+)"', lock)
    return match[1] if match else ""


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): _joined(inner) for name, inner in value.items() if inner is not None}


def _exception(value: object) -> dict[str, str | None] | None:
    if not isinstance(value, dict):
        return None
    return {"type": _text(value.get("type")), "text": str(value.get("text") or "")}


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _live(value: object) -> tuple[str, bool] | None:
    return (str(value[0]), bool(value[1])) if isinstance(value, list) else None
