"""Put the notebooks into the wheel without their outputs, which are most of their size."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WithoutOutputs(BuildHookInterface):
    """The build hook; an editable install keeps the notebooks of the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the notebooks without outputs to a folder and include them from there."""
        self.folder = Path(tempfile.mkdtemp())
        if version == "editable":
            return
        for notebook in sorted((Path(self.root) / "notebooks").glob("*.ipynb")):
            content = json.loads(notebook.read_text(encoding="utf-8"))
            for cell in content["cells"]:
                if cell["cell_type"] == "code":
                    cell.update(outputs=[], execution_count=None)
            stripped = self.folder / notebook.name
            stripped.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
            build_data["force_include"][str(stripped)] = f"chatlab/notebooks/{notebook.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)
