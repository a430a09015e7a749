"""``python -m chatlab.errors.providers`` writes the compiled form of the providers' files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from chatlab.errors.providers import GENERIC, Provider
from chatlab.errors.providers.registry import COMPILED
from chatlab.errors.providers.sources import ProviderFile, shipped_files


def compiled(files: Iterable[ProviderFile]) -> str:
    """What `COMPILED` holds for `files`: JSON, a line for each provider and rule."""
    providers: dict[str, dict[str, object]] = {}
    facts: dict[str, dict[str, dict[str, list[str | int]]]] = {}
    for file in files:
        one = file.provider
        if one.name != GENERIC:
            said = {key.name: getattr(one, key.name) for key in fields(Provider)}
            providers[one.name] = {key: value for key, value in said.items() if value}
            del providers[one.name]["name"]
        for rule, fact in file.facts():
            of_rule = facts.setdefault(fact.provider, {}).setdefault(rule, {})
            of_rule.setdefault(fact.column, []).append(fact.value)
    lines = ['{"providers": {', ",\n".join(_line(name, one) for name, one in providers.items())]
    lines += ["},", '"facts": {']
    lines.append(
        ",\n".join(
            f"{json.dumps(name)}: {{\n"
            + ",\n".join(_line(rule, columns) for rule, columns in sorted(rules.items()))
            + "}"
            for name, rules in sorted(facts.items())
        )
    )
    return "\n".join([*lines, "}}", ""])


def _line(key: str, value: object) -> str:
    said = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{json.dumps(key)}: {said}"


if __name__ == "__main__":
    Path(COMPILED).write_text(compiled(shipped_files()), encoding="utf-8")
