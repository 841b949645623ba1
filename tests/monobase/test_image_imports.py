"""What runs in monobase's image imports only what is installed there."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.catalogues import REPOSITORY

# Imports each module of the commands; whatever is not the standard library's, ours or listed is missing.
PROGRAM = """\
import importlib, pkgutil, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in sys.stdlib_module_names and first not in known:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

known = {"workbench", *sys.argv[1:]}
sys.meta_path.insert(0, Missing())
for package in ("workbench.verbs.monobase", "workbench.monobase"):
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
print("all imported")
"""


def test_its_commands_need_nothing_else() -> None:
    lines = (REPOSITORY / "monobase/image/requirements.txt").read_text()
    installed = re.findall(r"^([A-Za-z0-9_-]+)==", lines, re.MULTILINE)
    command = [sys.executable, "-c", PROGRAM, *(name.replace("-", "_") for name in installed)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.stdout == "all imported\n", done.stderr
