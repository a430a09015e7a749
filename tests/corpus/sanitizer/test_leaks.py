"""Nothing secret is in what this repository publishes: samples, notebooks, cassettes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from support.planted_secrets import Draw

from chatlab.corpus.sanitizer.placeholders import Removed
from chatlab.corpus.sanitizer.sanitizing import sanitize, sanitize_text

ROOT: Final = Path(__file__).parents[3]
HIDDEN: Final = (".", "__pycache__", "build", "dist", "node_modules")
UNREAD: Final = (
    *("image/png", "image/jpeg", "image/gif", "application/vnd.jupyter.widget-view+json"),
    *("id", "metadata"),
)
"""Members of a notebook that are pictures, or handles that Jupyter draws itself."""
DROPPED: Final = "header"


def published(root: Path) -> Iterator[Path]:
    """The samples and their sidecars, the notebooks, and the cassettes wherever they lie."""
    for file in sorted(root.rglob("*")):
        parts = file.relative_to(root).parts
        if any(part.startswith(HIDDEN) for part in parts) or not file.is_file():
            continue
        is_cassette = file.suffix != ".py" and any("cassette" in part.lower() for part in parts)
        if parts[0] in ("corpus", "notebooks") or file.suffix == ".ipynb" or is_cassette:
            yield file


def leaks(file: Path) -> list[Removed]:
    """What sanitizing would take out of a file: of its fields, when it is JSON, and of its text."""
    if file.suffix in (".png", ".jpg", ".gif", ".ico"):
        return []
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":
        return list(sanitize({"text": "", "cells": shown(json.loads(text))}).removed)
    if file.suffix != ".json":
        return list(sanitize_text(text).removed)
    record = json.loads(text)
    fields = record if isinstance(record, dict) else {"records": record}
    headers = fields.get("headers")
    found = [*sanitize(fields).removed, *sanitize({"dropped": headers}).removed]
    return [one for one in found if one.kind != DROPPED]


def shown(notebook: dict[str, object]) -> object:
    """What a reader of a notebook sees: the cells without pictures and handles."""

    def visible(value: object) -> object:
        if isinstance(value, dict):
            return {name: visible(inner) for name, inner in value.items() if name not in UNREAD}
        return [visible(inner) for inner in value] if isinstance(value, list) else value

    return visible(notebook["cells"])


FILES: Final = list(published(ROOT))


@pytest.mark.parametrize("folder", sorted({file.parent for file in FILES}), ids=str)
def test_nothing_published_holds_a_secret(folder: Path) -> None:
    """The sanitizer finds nothing more to take out of any published file."""
    found = [
        f"{file.relative_to(ROOT)}: {leak}"
        for file in FILES
        if file.parent == folder
        for leak in leaks(file)
    ]
    assert not found, "sanitize these files, then look at what changed:\n" + "\n".join(found)


def test_samples_notebooks_and_cassettes_are_looked_at() -> None:
    """The walk finds the corpus with its pages and streams, and the notebooks."""
    names = {file.relative_to(ROOT).parts[0] for file in FILES}
    assert {"corpus", "notebooks"} <= names
    assert {".json", ".html", ".sse", ".ipynb"} <= {file.suffix for file in FILES}
    assert len(FILES) > 400


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corpus/openai/x.json", {"headers": {"date": "KEY"}, "text": "status 503"}),
        ("corpus/openai/x.json", {"headers": {}, "body": {"error": {"message": "key KEY"}}}),
        ("corpus/openai/x.body.html", "<p>KEY</p>"),
        ("corpus/openai/x.body.sse", "event: error\ndata: KEY\n\n"),
        ("notebooks/x.ipynb", {"cells": [{"id": "a1", "source": ["print('KEY')"]}]}),
        ("notebooks/x.ipynb", {"cells": [{"outputs": [{"data": {"text/plain": "'KEY'"}}]}]}),
        ("tests/cassettes/turn.json", {"exchanges": [{"chunks": ["data: KEY"]}]}),
        ("chatlab/lab/demo.cassette", "data: KEY"),
    ],
)
def test_a_leak_in_any_place_is_found(tmp_path: Path, name: str, content: object) -> None:
    """A key in a header, body, sidecar, cell, output or chunk makes the leak test fail."""
    key = "sk-proj-" + Draw(11).of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789", 60)
    raw = content if isinstance(content, str) else json.dumps(content)
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(raw.replace("KEY", ""), encoding="utf-8")
    assert [leak for path in published(tmp_path) for leak in leaks(path)] == []
    file.write_text(raw.replace("KEY", key), encoding="utf-8")
    found = [leak for path in published(tmp_path) for leak in leaks(path)]
    assert {leak.kind for leak in found} == {"OpenAI key"}
    assert key not in str(found)
