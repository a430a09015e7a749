"""Print the lower bound of each requirement of the extras as a constraint for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
lines = {line for lines in project["optional-dependencies"].values() for line in lines}
for line in sorted(lines):
    if found := re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)", line):
        print(f"{found[1]}=={found[2]}")
