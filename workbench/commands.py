"""The commands that messages name: `wizard.py` and `make` in a checkout, `workbench-images` where that is installed."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from workbench.locations import INSTALLED, ROOT

SCRIPT, COMMAND = "wizard.py", "workbench-images"
_SCRIPT = re.compile(r"(?:python )?\bwizard\.py\b")
# Not `make setup` and the like, which set up a checkout.
_JOBS = {
    "lock": "lock",
    "base": "base",
    "os-image": "os-image",
    "cuda": "cuda",
    "images": "images",
    "recipes": "recipes",
    "monobase-image": "monobase image",
}
_MAKE = re.compile(rf"`make ({'|'.join(_JOBS)})((?: [A-Z]+=[^`\s]+)*)")
_EXAMPLE_OF_MAKE = re.compile(r"^  make .*\n|(?<=\S) \(make [^)]*\)", re.MULTILINE)


def program() -> str:
    """Return the name that the tool was started by: `wizard.py` in a checkout, else `workbench-images`."""
    return COMMAND if INSTALLED or Path(sys.argv[0]).name == COMMAND else SCRIPT


def runnable(text: str) -> str:
    """Return a message in which the commands are those that work here.

    Messages name `wizard.py VERB` and `make VERB NAME=value`. Where the tool is installed these become
    `workbench-images VERB` and `workbench-images VERB --name value`.
    """
    if program() == SCRIPT:
        return text.replace(f"python {SCRIPT} ", here(""))
    return _MAKE.sub(_with_flags, _SCRIPT.sub(COMMAND, text))


def here(arguments: str) -> str:
    """Return the command that runs this tool with `arguments` on this machine, as it can be typed.

    In a checkout it names the interpreter that runs it now: no other may have the packages.
    """
    if program() == COMMAND:
        return f"{COMMAND} {arguments}"
    python, script = sys.executable, os.path.abspath(sys.argv[0])
    if Path(script).name != SCRIPT:
        script = str(ROOT / SCRIPT)
    words = [_relative(python), _relative(script)]
    return f"{shlex.join(words)} {arguments}"


def _relative(path: str) -> str:
    """Return a path from the current folder where that is below it, else the path as it is."""
    return os.path.relpath(path) if path.startswith(f"{os.getcwd()}/") else path


def examples(text: str) -> str:
    """Return the examples of a verb's help as they work here: without those of `make` where the tool is installed."""
    return text if program() == SCRIPT else runnable(_EXAMPLE_OF_MAKE.sub("", text))


def _with_flags(match: re.Match[str]) -> str:
    values = (pair.partition("=") for pair in match[2].split())
    return " ".join([f"`{COMMAND} {_JOBS[match[1]]}", *(f"--{name.lower()} {value}" for name, _, value in values)])
