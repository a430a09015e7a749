"""The command ``chatlab corpus add``: from anything that shows a failure to checked samples."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from chatlab.cli.output import say, shown
from chatlab.cli.provider_option import add_provider_option
from chatlab.corpus import Corpus, SampleError
from chatlab.corpus.library import shipped_folder
from chatlab.corpus.record_schema import CONFIDENCES, SURFACES
from chatlab.errors import Kind

if TYPE_CHECKING:
    from chatlab.cli.add_report import Adding


def describe_add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``chatlab corpus add`` its arguments."""
    parser.description = (
        "Make a sample of a failure: a log line, a traceback, a curl -i dump, JSON, JSON Lines, or "
        "every failed call of a HAR file. Secrets are taken out, the label is proposed with its "
        "evidence, the file is written and checked. Nothing is ever overwritten."
    )
    parser.epilog = (
        "Exit status: 0 written and the check passes, 1 refused or the check fails, 2 wrong use."
    )
    parser.add_argument("file", nargs="?", help="a file, or - for standard input (the default)")
    parser.add_argument("--clipboard", action="store_true", help="read the clipboard's text")
    add_provider_option(parser, "who answered, when the failure does not say")
    parser.add_argument("--id", help="the sample's name; default: made from the failure")
    parser.add_argument("--kind", choices=[str(kind) for kind in Kind])
    parser.add_argument("--retryable", action=argparse.BooleanOptionalAction)
    parser.add_argument("--chain-broken", action=argparse.BooleanOptionalAction)
    parser.add_argument("--status-code", type=int, metavar="HTTP")
    parser.add_argument("--retry-after-s", type=float, metavar="SECONDS")
    parser.add_argument("--surface", choices=SURFACES)
    parser.add_argument("--vendor", help="the product or client, for people")
    parser.add_argument("--api", help="the interface that was called, such as responses")
    parser.add_argument("--why", help="why the label is right")
    parser.add_argument("--confidence", choices=CONFIDENCES)
    parser.add_argument("--known-miss", metavar="REASON", help="why the rules get it wrong")
    parser.add_argument("--dry-run", action="store_true", help="show it, write nothing")
    parser.add_argument(
        "--yes", action="store_true", help="ask nothing; add what is doubtful, and any number"
    )
    parser.set_defaults(command=_add)


def _add(chosen: argparse.Namespace) -> int:
    from chatlab.cli.add_report import Adding
    from chatlab.corpus.adding.har import Har
    from chatlab.corpus.adding.inputs import Form, form_of, observed_in, readable

    if chosen.clipboard and chosen.file:
        raise SampleError("--clipboard: a file was given too; keep one of them")
    with _opened(chosen) as (given, name), readable(given, name) as stream:
        form = form_of(stream, name)
        if form is not Form.TEXT and chosen.id:
            raise SampleError(f"--id: {name} can hold several failures; leave it out")
        adding = Adding(chosen, _corpus(chosen))
        if form is Form.HAR:
            return _add_har(adding, stream, name)
        found = observed_in(stream, name, Har(stream, name))
        if form is Form.LINES:
            adding.foreseen(found).refuse()
            stream.seek(0)
            return adding.several(observed_in(stream, name, Har(stream, name)))
        (one,) = found
        if isinstance(one, SampleError):
            raise one
        return adding.single(one)


def _add_har(adding: Adding, stream: IO[bytes], name: str) -> int:
    """Add what a HAR holds; it is read to its end first, so that a broken one adds nothing."""
    from chatlab.corpus.adding.har import Har, with_progress
    from chatlab.corpus.adding.inputs import observed_in

    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    with with_progress(stream, "looking", size) as read:
        har = Har(read, name)
        foreseen = adding.foreseen(observed_in(read, name, har))
    failed = foreseen.failures
    found = f"{name}: {har.entries:,} entries, {failed:,} failed"
    found += f", {har.silent:,} without an answer do not say why" if har.silent else ""
    found += f", {har.odd:,} with a status that is none" if har.odd else ""
    if not failed:
        raise SampleError(f"{found}; there is nothing to add")
    say(found)
    foreseen.refuse()
    if not adding.agreed("write those that are new? [y/N] "):
        return 1
    stream.seek(0)
    with with_progress(stream, "adding", size) as read:
        return adding.several(observed_in(read, name, Har(read, name)))


def _corpus(chosen: argparse.Namespace) -> Corpus:
    """The corpus to add to; a folder that is not there yet is made with the first sample."""
    folder = Path(chosen.corpus) if chosen.corpus else shipped_folder()
    if not folder.exists():
        return Corpus.load(folder, create=True)
    corpus, problems = Corpus.load_leniently(folder)
    for problem in problems:
        print(shown(problem), file=sys.stderr)
    if corpus.closed is not None:
        raise SampleError(corpus.closed)
    return corpus


@contextmanager
def _opened(chosen: argparse.Namespace) -> Iterator[tuple[IO[bytes], str]]:
    """What is to be read, as a stream that can seek, and its name for people."""
    if chosen.clipboard:
        from chatlab.cli.clipboard import clipboard

        yield io.BytesIO(clipboard()), "clipboard"
    elif chosen.file in (None, "-"):
        if sys.stdin.isatty():
            print("paste the failure, then press Ctrl-D on a new line", file=sys.stderr)
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.seek(0)
            yield copy, "standard input"
    elif Path(chosen.file).is_dir():
        raise SampleError(f"{chosen.file}: this is a folder; name a file in it")
    else:
        with Path(chosen.file).open("rb") as stream:
            yield stream, chosen.file
