"""The commands that messages name: `wizard.py` and `make` in a checkout, `workbench-images` where that is installed."""

from __future__ import annotations

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
        return text.replace(f"python {SCRIPT} ", f"{_started_with()} ") if f"python {SCRIPT} " in text else text
    return _MAKE.sub(_with_flags, _SCRIPT.sub(COMMAND, text))


def _started_with() -> str:
    """Return how this checkout's wizard is started from the current folder: with the Python that runs it now."""
    here = Path.cwd()
    script = ROOT / SCRIPT
    paths = [Path(sys.executable), script]
    return shlex.join(str(path.relative_to(here) if path.is_relative_to(here) else path) for path in paths)


def examples(text: str) -> str:
    """Return the examples of a verb's help as they work here: without those of `make` where the tool is installed."""
    return text if program() == SCRIPT else runnable(_EXAMPLE_OF_MAKE.sub("", text))


def _with_flags(match: re.Match[str]) -> str:
    values = (pair.partition("=") for pair in match[2].split())
    return " ".join([f"`{COMMAND} {_JOBS[match[1]]}", *(f"--{name.lower()} {value}" for name, _, value in values)])
