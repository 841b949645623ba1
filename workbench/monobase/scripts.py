"""What a prefix has for models besides environments: activation for shells, and the reader of `.pth` files."""

from __future__ import annotations

import os
import shutil

from workbench.files import replace_text
from workbench.monobase.generation import DATA
from workbench.monobase.prefix import Prefix

FILES = ("activate.sh", "exec.sh", "site/sitecustomize.py")


def install_scripts(prefix: Prefix) -> None:
    """Put the scripts into `bin` of the prefix, each whole. The prefix's lock is ours."""
    for name in FILES:
        source, target = DATA / name, prefix.below("bin", name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        text = source.read_text()
        try:
            with open(target, encoding="utf-8") as file:
                if file.read() == text:
                    continue
        except OSError:
            pass
        replace_text(target, text)
        shutil.copymode(source, target)
