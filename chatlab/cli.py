"""The command ``chatlab``: exit status 0, 1 (found a difference), 2 (wrong use)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from chatlab.corpus import Corpus, SampleError, check
from chatlab.corpus.library import read_records, shipped_folder, write_sample
from chatlab.corpus.sample import formatted
from chatlab.errors import Failure, classify
from chatlab.markup import visible

_FOUND_DIFFERENCE: Final = 1
_WRONG_USE: Final = 2


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
    except (SampleError, OSError, ModuleNotFoundError, KeyError) as error:
        said = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"chatlab: {said}", file=sys.stderr)
        return _WRONG_USE


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
    _corpus_commands(corpus.add_subparsers(required=True, metavar="COMMAND"))

    lab = commands.add_parser("lab", help="open JupyterLab on the notebooks")
    lab.add_argument("--folder", default="chatlab-notebooks", help="where copies go")
    lab.add_argument("options", nargs="*", help="passed on to JupyterLab, after --")
    lab.set_defaults(command=_lab)
    return parser


def _corpus_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    def add(
        name: str, command: Callable[[argparse.Namespace], int], help: str
    ) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=help)
        parser.add_argument(
            "--corpus", metavar="DIR", help="a folder of samples; default: chatlab's"
        )
        parser.set_defaults(command=command)
        return parser

    add("check", _corpus_check, "compare the rules with the corpus")
    listing = add("list", _corpus_list, "the samples, a line each")
    listing.add_argument("words", nargs="*", help="only ids that contain all of these")
    show = add("show", _corpus_show, "a sample, the verdict on it, and why")
    show.add_argument("id")
    adding = add("add", _corpus_add, "add the records of a JSON Lines file, each with a slug")
    adding.add_argument("file", help="a file, or - for standard input")
    accept = add("accept", _corpus_accept, "make today's verdict on a sample the expected one")
    accept.add_argument("id", nargs="+")
    add("fmt", _corpus_fmt, "write every file in the one format")
    export = add("export", _corpus_export, "all samples as JSON Lines")
    export.add_argument("-o", "--output", help="a file; default: standard output")


def _classify(chosen: argparse.Namespace) -> int:
    raw = _input(chosen.file)
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
            status = _FOUND_DIFFERENCE
            print(json.dumps({"error": f"no JSON object on this line: {str(error)[:200]}"}))
            continue
        verdict = classify(Failure.from_record(record), provider=provider)
        print(json.dumps({"id": record.get("id"), **verdict.as_dict()}))
    return status


def _input(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _loaded(chosen: argparse.Namespace) -> tuple[Corpus, int]:
    """The corpus that was asked for; problems go to standard error, a line each."""
    folder = Path(chosen.corpus) if chosen.corpus else shipped_folder()
    corpus, problems = Corpus.load_leniently(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    return corpus, _FOUND_DIFFERENCE if problems else 0


def _corpus_check(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    report = check(corpus.values())
    print(report)
    for result in report.unexpected:
        print()
        print(result.report())
    wrong = len(report.unexpected)
    print(f"\n{len(corpus)} samples, {wrong} unexpected")
    return _FOUND_DIFFERENCE if wrong else status


def _corpus_list(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    for sample in corpus.values():
        if all(word in sample.id for word in chosen.words):
            print(f"{sample.id}\t{sample.expected['kind']}\t{sample.record.get('why')}")
    return status


def _corpus_show(chosen: argparse.Namespace) -> int:
    corpus, _ = _loaded(chosen)
    sample = corpus[chosen.id]
    print(formatted(sample.record))
    print(str(classify(sample.failure).explain()))
    return 0


def _corpus_add(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    for slug, record in read_records(_input(chosen.file).decode("utf-8"), chosen.file):
        try:
            print(f"added {corpus.add(record, slug).id}")
        except SampleError as error:
            status = _FOUND_DIFFERENCE
            print(f"chatlab: {error}", file=sys.stderr)
    return status


def _corpus_accept(chosen: argparse.Namespace) -> int:
    corpus, _ = _loaded(chosen)
    for name in chosen.id:
        sample = corpus[name]
        verdict = classify(sample.failure)
        expected = {field: getattr(verdict, field) for field in sample.expected}
        record = {**sample.record, "expected": {**expected, "kind": str(verdict.kind)}}
        record.pop("known_miss", None)
        write_sample(type(sample)(sample.id, record, sample.path))
        print(f"{sample.id}: now expects {verdict.kind}, {_todo(verdict.retryable)}")
    return 0


def _todo(retryable: bool) -> str:
    return "retryable" if retryable else "not retryable"


def _corpus_fmt(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    for sample in corpus.values():
        if sample.path is not None:
            before = sample.path.read_bytes()
            write_sample(sample)
            if sample.path.read_bytes() != before:
                print(f"formatted {sample.path}")
    return status


def _corpus_export(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    lines = (_exported(corpus, name) for name in corpus)
    if chosen.output:
        Path(chosen.output).write_text("".join(lines), encoding="utf-8")
    else:
        sys.stdout.buffer.writelines(line.encode("utf-8") for line in lines)
    return status


def _exported(corpus: Corpus, name: str) -> str:
    sample = corpus[name]
    slug = sample.id.partition("/")[2]
    record = {key: value for key, value in sample.record.items() if key != "body_file"}
    return json.dumps({"id": sample.id, "slug": slug, **record}, ensure_ascii=False) + "\n"


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
    checkout = Path(__file__).parents[1] / "notebooks"
    if checkout.is_dir():
        return checkout
    copies.mkdir(parents=True, exist_ok=True)
    for notebook in sorted((Path(__file__).parent / "notebooks").glob("*.ipynb")):
        copy = copies / notebook.name
        if not copy.exists():
            copy.write_bytes(notebook.read_bytes())
    return copies


if __name__ == "__main__":
    sys.exit(main())
