"""What a node gets besides environments: the scripts that models activate with."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from workbench.files import replace_text
from workbench.monobase.documents import DamagedDocumentError, make_way, read_text
from workbench.monobase.generation import DATA
from workbench.monobase.prefix import Prefix


@dataclass(frozen=True, slots=True)
class Script:
    """A file that models run: its text and its mode."""

    text: str
    mode: int


def _script(name: str, mode: int = 0o644) -> Script:
    return Script((DATA / name).read_text(), mode)


# By their names below `bin`. Where Python would keep the bytecode of `site` is a file, so that it keeps none:
# models run what is there, and nobody could say who wrote it.
SCRIPTS = {
    "activate.sh": _script("activate.sh"),
    "exec.sh": _script("exec.sh", 0o755),
    "site/sitecustomize.py": _script("site/sitecustomize.py"),
    "site/__pycache__": Script("", 0o644),
}


def install_scripts(prefix: Prefix) -> None:
    """Put the scripts into `bin` of the prefix, each whole. The prefix's lock is ours."""
    for name, script in SCRIPTS.items():
        target = prefix.below("bin", name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            if read_text(target) == script.text and os.lstat(target).st_mode == stat.S_IFREG | script.mode:
                continue
        except (OSError, DamagedDocumentError):
            pass
        make_way(target)
        replace_text(target, script.text, mode=script.mode)
