"""Which files a corpus is made of, and which files a sample is."""

from __future__ import annotations

from pathlib import Path

from chatlab.corpus.sample import SIDECARS, Sample, SampleError, formatted


def sample_files(folder: Path) -> list[Path]:
    """The record files below `folder`, sorted, without hidden folders and ``schema.json``."""
    return sorted(
        file
        for file in folder.rglob("*.json")
        if file != folder / "schema.json"
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def files_of(sample: Sample) -> list[tuple[Path, str]]:
    """The files of `sample` with their texts, the record last."""
    path = sample.path
    if path is None:
        raise SampleError(f"{sample.id}: the sample has no path to be written to")
    record = dict(sample.record)
    body = record.get("body")
    ending = sidecar_ending(body)
    if ending is None or not isinstance(body, str):
        record.pop("body_file", None)
        return [(path, formatted(record))]
    name = f"{path.stem}{ending}"
    record.pop("body")
    record["body_file"] = name
    return [(path.with_name(name), body), (path, formatted(record))]


def sidecar_ending(body: object) -> str | None:
    """How the sidecar of `body` ends, or None when it belongs into the record."""
    if not isinstance(body, str):
        return None
    opening = body.lstrip()[:200].lower()
    if opening.startswith(("event:", "data:")):
        return SIDECARS[1]
    return SIDECARS[0] if opening.startswith("<") else None
