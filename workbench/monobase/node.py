"""What a node gets besides environments: the scripts that models activate with, and the label that it is ready."""

from __future__ import annotations

import datetime
import os
import shutil

from workbench.errors import WorkbenchError
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


def write_label(path: str) -> None:
    """Write `done=TIME` (UTC, as a label's value may be) to `path`; raises WorkbenchError when that is impossible."""
    now = datetime.datetime.now(datetime.UTC)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        replace_text(os.path.abspath(path), f"done={now:%Y-%m-%dT%H-%M-%SZ}\n")
    except OSError as error:
        raise WorkbenchError(f"the node's label cannot be written: {error.strerror}", where=path) from None
