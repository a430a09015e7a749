"""The commands ``chatlab corpus ...``: check, look at, extend and question the corpus."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatlab.cli.add import describe_add
from chatlab.cli.output import FOUND_DIFFERENCE, say, shown
from chatlab.cli.provider_option import add_providers_option, rules_of
from chatlab.corpus import Corpus, check
from chatlab.corpus.library import shipped_folder, write_sample
from chatlab.corpus.record_schema import formatted
from chatlab.errors import RULES, classify
from chatlab.errors.providers import SHIPPED, Providers


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``chatlab corpus`` its subcommands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], int] | None, help: str
    ) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=help)
        parser.add_argument(
            "--corpus", metavar="DIR", help="a folder of samples; default: chatlab's"
        )
        parser.set_defaults(command=command)
        return parser

    checking = add("check", _corpus_check, "compare the rules with the corpus")
    checking.add_argument("folder", nargs="?", metavar="DIR", help="the same as --corpus")
    add_providers_option(checking)
    listing = add("list", _corpus_list, "the samples, a line each")
    listing.add_argument("words", nargs="*", help="only ids that contain all of these")
    show = add("show", _corpus_show, "a sample, the verdict on it, and why")
    show.add_argument("id")
    describe_add(add("add", None, "make a checked sample of any failure, or of a HAR's"))
    accept = add("accept", _corpus_accept, "make today's verdict on a sample the expected one")
    accept.add_argument("id", nargs="+")
    add("fmt", _corpus_fmt, "write every file in the one format")
    export = add("export", _corpus_export, "all samples as JSON Lines")
    export.add_argument("-o", "--output", help="a file; default: standard output")
    covering = add("coverage", _corpus_coverage, "the samples that need each rule and each phrase")
    covering.add_argument("rule", nargs="?", help="the pieces of this rule only")
    add("mutate", _corpus_mutate, "change the rules one by one: which changes are noticed")
    comparing = add("diff", _corpus_diff, "the verdicts of other rules, sample by sample")
    comparing.add_argument(
        "version", metavar="REV|FILE", help="a git revision, or answers of classify --jsonl"
    )
    unseen = add("novelty", _corpus_novelty, "which failures are unlike anything known")
    unseen.add_argument("file", nargs="+", help="folders, files, logs, or - for standard input")


def read_input(file: str) -> bytes:
    """What `file` holds; ``-`` is standard input."""
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _loaded(chosen: argparse.Namespace, providers: Providers = SHIPPED) -> tuple[Corpus, int]:
    """The corpus that was asked for; problems go to standard error, a line each."""
    folder = Path(chosen.corpus) if chosen.corpus else shipped_folder()
    corpus, problems = Corpus.load_leniently(folder, providers)
    for problem in problems:
        print(shown(problem), file=sys.stderr)
    return corpus, FOUND_DIFFERENCE if problems else 0


def _corpus_check(chosen: argparse.Namespace) -> int:
    rules = rules_of(chosen)
    chosen.corpus = chosen.folder or chosen.corpus
    corpus, status = _loaded(chosen, rules.providers)
    report = check(corpus.values(), rules)
    say(report)
    for result in report.unexpected:
        say()
        say(result.report())
    wrong = len(report.unexpected)
    say(f"\n{len(corpus)} samples, {wrong} unexpected")
    return FOUND_DIFFERENCE if wrong else status


def _corpus_list(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    for sample in corpus.values():
        if all(word in sample.id for word in chosen.words):
            say(f"{sample.id}\t{sample.expected['kind']}\t{sample.record.get('why')}")
    return status


def _corpus_show(chosen: argparse.Namespace) -> int:
    corpus, _ = _loaded(chosen)
    sample = corpus[chosen.id]
    say(formatted(sample.record))
    say(classify(sample.failure).explain())
    return 0


def _corpus_accept(chosen: argparse.Namespace) -> int:
    corpus, _ = _loaded(chosen)
    for name in chosen.id:
        sample = corpus[name]
        verdict = classify(sample.failure)
        expected = {field: getattr(verdict, field) for field in sample.expected}
        record = {**sample.record, "expected": {**expected, "kind": str(verdict.kind)}}
        record.pop("known_miss", None)
        write_sample(type(sample)(sample.id, record, sample.path))
        say(f"{sample.id}: now expects {verdict.kind}, {_todo(verdict.retryable)}")
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
                say(f"formatted {sample.path}")
    return status


def _corpus_export(chosen: argparse.Namespace) -> int:
    corpus, status = _loaded(chosen)
    lines = (_exported(corpus, name) for name in corpus)
    if chosen.output:
        Path(chosen.output).write_text("".join(lines), encoding="utf-8")
    else:
        sys.stdout.buffer.writelines(shown(line).encode("utf-8") for line in lines)
    return status


def _exported(corpus: Corpus, name: str) -> str:
    sample = corpus[name]
    slug = sample.id.partition("/")[2]
    record = {key: value for key, value in sample.record.items() if key != "body_file"}
    return json.dumps({"id": sample.id, "slug": slug, **record}, ensure_ascii=False) + "\n"


def _corpus_coverage(chosen: argparse.Namespace) -> int:
    from chatlab.corpus.mutation.rule_coverage import coverage

    corpus, status = _loaded(chosen)
    if chosen.rule:
        RULES.named(chosen.rule)
    covered = coverage(corpus.values())
    if chosen.rule:
        covered = covered.of(chosen.rule)
        ids = covered.rules[chosen.rule]
        say(f"{chosen.rule}: {len(ids)} samples need the rule: {', '.join(ids) or 'none'}")
        for row in covered.piece_rows():
            say("  " + "\t".join(row))
    else:
        say("\t".join(covered.HEAD))
        for row in covered.rows():
            say("\t".join(row))
        say()
        for name in covered.dead_rules():
            say(f"no sample needs the rule {name}; documents do, or nothing does: corpus mutate")
    say()
    for piece in covered.unneeded():
        say(f"dead: {piece}")
    for sample_id, piece in covered.fragile().items():
        say(f"fragile: {sample_id} rests on {piece}")
    say(covered)
    return status


def _corpus_mutate(chosen: argparse.Namespace) -> int:
    from chatlab.corpus.mutation.mutation_run import mutate

    corpus, status = _loaded(chosen)
    say(mutate(corpus.values()))
    return status


def _corpus_diff(chosen: argparse.Namespace) -> int:
    from chatlab.corpus.comparison import answers_of, diff, read_answers
    from chatlab.corpus.revision import answers_at

    corpus, status = _loaded(chosen)
    samples = list(corpus.values())
    with ThreadPoolExecutor(1) as pool:  # the other rules run in a process of their own
        if Path(chosen.version).is_file():
            asked = pool.submit(read_answers, Path(chosen.version))
        else:
            asked = pool.submit(answers_at, chosen.version, samples)
        now = answers_of(RULES, samples)
        found = diff(samples, asked.result(), now)
    say(found)
    return FOUND_DIFFERENCE if found else status


def _corpus_novelty(chosen: argparse.Namespace) -> int:
    from chatlab.corpus.novelty.inputs import failures_in, read_failures
    from chatlab.corpus.novelty.report import score_novelty

    corpus, status = _loaded(chosen)
    failures: dict[str, object] = {}
    for file in chosen.file:
        found = failures_in(read_input(file), "-", by_line=True) if file == "-" else None
        failures.update(found or read_failures(file))
    report = score_novelty(failures, corpus)
    say(report)
    return FOUND_DIFFERENCE if report.novel else status
