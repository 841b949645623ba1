"""Which package index the Pipfiles mean: they name PIP_INDEX_URL, which pip knows where nobody set it."""

from __future__ import annotations

import os
import subprocess
import sys

from workbench.indexes import MAIN

# The index that pip's configuration names, else its own choice.
_COMMANDS = (
    ("-m", "pip", "config", "get", "global.index-url"),
    ("-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"),
)


def use_index_of_pip() -> None:
    """Set PIP_INDEX_URL as pip is set up, unless it is set; nothing where there is no pip to look at."""
    for command in _COMMANDS:
        if MAIN in os.environ:
            return
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            os.environ[MAIN] = done.stdout.strip()
