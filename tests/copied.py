"""A copy of the repository as git has it, for what may not be made in the repository itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.catalogues import REPOSITORY


def copy_repository(folder: Path) -> Path:
    """Copy what git tracks, as it lies in the working tree now, to a new `folder`; return it.

    git tracks the same files there, because some tests list them with it.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = REPOSITORY / name, folder / name
        if source.is_symlink() or source.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder
