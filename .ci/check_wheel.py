"""Check a wheel: its size, what must be in it and what must not."""

import sys
from pathlib import Path
from zipfile import ZipFile

LARGEST = 1_500_000
NEEDED = (
    "chatlab/py.typed",
    "chatlab/corpus/data/schema.json",
    "chatlab/errors/providers/anthropic.toml",
    "chatlab/errors/providers/compiled.json",
    "chatlab/notebooks/01_classify.ipynb",
)
UNWANTED = ("chatlab/lab/capture/", "tests/", ".ci/")

wheel = Path(sys.argv[1])
names = ZipFile(wheel).namelist()
problems = [f"{name} is missing" for name in NEEDED if name not in names]
problems += [f"{name} does not belong in a wheel" for name in names if name.startswith(UNWANTED)]
if not any(name.endswith("licenses/LICENSE") for name in names):
    problems.append("the license is missing")
if not wheel.name.endswith("-py3-none-any.whl"):
    problems.append(f"{wheel.name} is not pure Python")
if wheel.stat().st_size > LARGEST:
    problems.append(f"{wheel.stat().st_size:,} bytes are more than {LARGEST:,}")
if problems:
    sys.exit("\n".join(problems))
print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {len(names):,} files")
