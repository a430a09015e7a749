"""The command ``chatlab``: exit status 0, 1 (found a difference), 2 (wrong use)."""

from __future__ import annotations

import argparse
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

try:
    from chatlab.cli.corpus_commands import FOUND_DIFFERENCE, add_corpus_commands, read_input
    from chatlab.cli.replay_command import add_replay
    from chatlab.corpus import SampleError
    from chatlab.errors import Failure, classify
    from chatlab.text.markup import visible
except SyntaxError as wrong:  # in a rule that somebody is writing
    place = f"{wrong.filename}: line {wrong.lineno}"
    print(f"chatlab: {place}: {wrong.msg}; correct it there", file=sys.stderr)
    sys.exit(2)

_WRONG_USE: Final = 2
_INTERRUPTED: Final = 130
_ELSEWHERE: Final = "choose a place where you may, such as --corpus DIR, or change the rights"
_REMEDIES: Final = {
    errno.ENOENT: "check the name",
    errno.EISDIR: "name a file in it",
    errno.ENOTDIR: "name a folder",
    errno.EEXIST: "choose another name",
    errno.ELOOP: "it is a link to itself; name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "make room, or choose another disk: --corpus DIR",
    errno.EDQUOT: "make room, or choose another disk: --corpus DIR",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _ELSEWHERE),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``chatlab`` with `arguments`, by default those of the process; returns its status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    command: Callable[[argparse.Namespace], int] = chosen.command
    try:
        return command(chosen)
    except BrokenPipeError:  # the reader has what it wanted; keep Python from flushing into it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("chatlab: interrupted; what was written before stays", file=sys.stderr)
        return _INTERRUPTED
    except OSError as error:
        print(f"chatlab: {_told(error)}", file=sys.stderr)
        return _WRONG_USE
    except (SampleError, ModuleNotFoundError, KeyError) as error:
        said = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"chatlab: {said}", file=sys.stderr)
        return _WRONG_USE


def _told(error: OSError) -> str:
    """What the system refused, in one line: the file, what is wrong, what to do."""
    where = f"{visible(str(error.filename))}: " if error.filename is not None else ""
    said = error.strerror[:1].lower() + error.strerror[1:] if error.strerror else str(error)
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}{said}{f'; {remedy}' if remedy else ''}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatlab",
        description="Classify, retry and replay the ways in which LLM providers fail.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("classify", help="say what a failure is, why, and what to do")
    one.add_argument("file", nargs="?", default="-", help="a file, or - for standard input")
    one.add_argument("--provider", help="who answered, when the text does not say")
    one.add_argument("--jsonl", action="store_true", help="one JSON record a line in, one out")
    one.set_defaults(command=_classify)

    corpus = commands.add_parser("corpus", help="real failures with their expected verdicts")
    add_corpus_commands(corpus.add_subparsers(required=True, metavar="COMMAND"))

    add_replay(commands)

    lab = commands.add_parser("lab", help="open JupyterLab on the notebooks")
    lab.add_argument("--folder", default="chatlab-notebooks", help="where copies go")
    lab.add_argument("options", nargs="*", help="passed on to JupyterLab, after --")
    lab.set_defaults(command=_lab)
    return parser


def _classify(chosen: argparse.Namespace) -> int:
    raw = read_input(chosen.file)
    if chosen.jsonl:
        return _classify_lines(raw, chosen.provider)
    verdict = classify(raw, provider=chosen.provider)
    print(verdict.message)
    if verdict.detail:
        print(f"The provider said: {visible(verdict.detail)}")
    print()
    print(str(verdict.explain()))
    return 0


def _classify_lines(raw: bytes, provider: str | None) -> int:
    status = 0
    for line in raw.decode("utf-8", "replace").split("\n"):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError(f"the line holds {type(record).__name__}, not an object")
        except (ValueError, RecursionError) as error:
            status = FOUND_DIFFERENCE
            print(json.dumps({"error": f"no JSON object on this line: {str(error)[:200]}"}))
            continue
        verdict = classify(Failure.from_record(record), provider=provider)
        print(json.dumps({"id": record.get("id"), **verdict.as_dict()}))
    return status


def _lab(chosen: argparse.Namespace) -> int:
    try:
        import jupyterlab  # noqa: F401
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "JupyterLab is not installed: pip install 'chatlab[lab]'"
        ) from None
    command = [sys.executable, "-m", "jupyterlab", str(_notebooks(Path(chosen.folder)))]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container's only user
        command.append("--allow-root")
    return subprocess.run([*command, *chosen.options], check=False).returncode


def _notebooks(copies: Path) -> Path:
    """The checkout's notebooks, or copies of the wheel's; a copy that exists is kept."""
    checkout = Path(__file__).parents[2] / "notebooks"
    if checkout.is_dir():
        return checkout
    copies.mkdir(parents=True, exist_ok=True)
    for notebook in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")):
        copy = copies / notebook.name
        if not copy.exists():
            copy.write_bytes(notebook.read_bytes())
    return copies
