"""Running the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.catalogues import REPOSITORY


def wizard(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `wizard.py` with `arguments` (as text), without a terminal, and return how it ended."""
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "wizard.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=cwd or REPOSITORY,
        env={**os.environ, **(env or {})},
        check=False,
    )


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below `folder` by its path in it; none if there is no folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
