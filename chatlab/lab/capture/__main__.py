"""``python -m chatlab.lab.capture``: capture, compare, list."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from chatlab.corpus import Corpus, SampleError, check_sample
from chatlab.corpus.record_schema import near
from chatlab.lab.capture.drift import drift
from chatlab.lab.capture.observation import CaptureError
from chatlab.lab.capture.recipes import Recipe, captured, recipes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives 0, 1 (a difference or a failed capture) or 2 (wrong use)."""
    options = _parser().parse_args(arguments)
    try:
        chosen = chosen_recipes(recipes(), options.program, options.fault)
        if options.list:
            for recipe in chosen:
                label = recipe.label
                print(f"{recipe.program} {recipe.fault}: {label.kind}, {label.why}")
            return 0
        corpus = Corpus.load(options.folder)
    except (CaptureError, SampleError) as error:
        print(error, file=sys.stderr)
        return 2
    failed = 0
    for recipe, found in captured(chosen):
        if isinstance(found, CaptureError):
            good, line = False, str(found)
        else:
            good, line = _kept(corpus, recipe, found, compare=options.check)
        failed += not good
        print(line, file=sys.stdout if good else sys.stderr, flush=True)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chatlab.lab.capture",
        description="Run real software on loopback and record what it says when a call fails.",
    )
    parser.add_argument("program", nargs="?", help="such as node-undici; all without it")
    parser.add_argument("fault", nargs="?", help="such as reset-before-headers; all without it")
    parser.add_argument(
        "--check", action="store_true", help="compare with the samples; writes nothing"
    )
    parser.add_argument("--list", action="store_true", help="say what can be captured")
    parser.add_argument("--folder", type=Path, help="a corpus other than the shipped one")
    return parser


def chosen_recipes(known: Sequence[Recipe], program: str | None, fault: str | None) -> list[Recipe]:
    """The recipes of `program`, or of all; `CaptureError` names what is close to a wrong name."""
    chosen = [recipe for recipe in known if program in (None, recipe.program)]
    if not chosen:
        names = list(dict.fromkeys(recipe.program for recipe in known))
        raise CaptureError(f"PROGRAM: nothing is called {program!r}{near(str(program), names)}")
    if fault is None:
        return chosen
    exact = [recipe for recipe in chosen if recipe.fault == fault]
    if not exact:
        names = [recipe.fault for recipe in chosen]
        raise CaptureError(f"FAULT: {program} does not meet {fault!r}{near(fault, names)}")
    return exact


def _kept(
    corpus: Corpus, recipe: Recipe, record: dict[str, object], *, compare: bool
) -> tuple[bool, str]:
    if recipe.id not in corpus:
        if compare:
            return False, f"{recipe.id}: no such sample; run {recipe.command} to add it"
        try:
            sample = corpus.add(record, recipe.slug)
        except SampleError as error:
            return False, str(error)
        result = check_sample(sample)
        differences = "; ".join(str(one) for one in result.differences)
        return True, f"{recipe.id}: added" + (
            f", but the rules say {differences}" * bool(differences)
        )
    found = drift(corpus[recipe.id], record)
    if found.verdict:
        return False, f"{recipe.id}: classified otherwise: {'; '.join(found.verdict)}"
    if found.wording:
        return True, f"{recipe.id}: same verdict, worded otherwise: {'; '.join(found.wording)}"
    return True, f"{recipe.id}: same"


if __name__ == "__main__":
    sys.exit(main())
