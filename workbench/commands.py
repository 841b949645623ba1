"""The commands that messages name: each is printed as it can be typed where this run was started."""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextvars import ContextVar
from pathlib import Path

from workbench.locations import INSTALLED, ROOT

SCRIPT, COMMAND = "wizard.py", "workbench-images"
_SCRIPT = re.compile(r"\bwizard\.py\b")
_EXAMPLE_OF_MAKE = re.compile(r"^  make .*\n|(?<=\S) \(make [^)]*\)", re.MULTILINE)
# The catalogue that this run was given with --catalog, "" for the tool's own.
_CATALOGUE: ContextVar[str] = ContextVar("catalogue", default="")


def program() -> str:
    """Return the name that the tool was started by: `wizard.py` in a checkout, else `workbench-images`."""
    return COMMAND if INSTALLED or Path(sys.argv[0]).name == COMMAND else SCRIPT


def use_catalogue(folder: str) -> None:
    """Have the commands of messages name the catalogue that this run was given; the tool's own needs no name."""
    _CATALOGUE.set("" if os.path.realpath(folder) == os.path.realpath(ROOT) else folder)


def here(arguments: str) -> str:
    """Return the command that runs this tool with `arguments` on this machine, as it can be typed.

    In a checkout it names the interpreter that runs it now: no other may have the packages. `arguments` are words of
    a shell, quoted already.
    """
    if program() == SCRIPT and not (ROOT / SCRIPT).is_file():
        return arguments  # the image of monobase, where the command `monobase` runs the verb of its name
    words = [COMMAND] if program() == COMMAND else list(map(_relative, starter()))
    if catalogue := _CATALOGUE.get():
        words += ["--catalog", catalogue]
    return f"{shlex.join(words)} {arguments}".rstrip()


def starter() -> list[str]:
    """Return the words that start this tool from any folder: the command, or the interpreter and the script."""
    if program() == COMMAND:
        return [os.path.abspath(sys.argv[0]) if Path(sys.argv[0]).name == COMMAND else COMMAND]
    script = os.path.abspath(sys.argv[0])
    return [sys.executable, script if Path(script).name == SCRIPT else str(ROOT / SCRIPT)]


def examples(text: str) -> str:
    """Return help as it reads here: with the command's name, and without `make`, where the tool is installed."""
    return text if program() == SCRIPT else _SCRIPT.sub(COMMAND, _EXAMPLE_OF_MAKE.sub("", text))


def _relative(path: str) -> str:
    """Return a path from the current folder where that is below it, else the path as it is."""
    return os.path.relpath(path) if path.startswith(f"{os.getcwd()}/") else path
