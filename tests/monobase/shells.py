"""Sourcing activate.sh as a model's container does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.monobase.trees import ACTIVATE

SHELLS = [shell for shell in ("dash", "bash", "zsh") if shutil.which(shell)]


def source(
    shell: str, variables: Mapping[str, str], *, times: int = 1, script: Path = ACTIVATE
) -> tuple[int, dict[str, str], str]:
    """Source it so many times with only `variables` set; return the exit code, what is set then, and stderr."""
    program = shutil.which(shell)
    assert program is not None
    # zsh sets these by itself.
    unset = " ".join(name for name in ("HOME", "LOGNAME") if shell == "zsh" and name not in variables)
    lines = f"unset {unset}; " if unset else ""
    lines += f'i=0; while [ "$i" -lt {times} ]; do . "$1" || exit 1; i=$((i + 1)); done; exec /usr/bin/env -0'
    done = subprocess.run(
        [program, "-c", lines, program, str(script)], capture_output=True, text=True, env=dict(variables), check=False
    )
    printed = (line.partition("=") for line in done.stdout.split("\0") if line)
    # What shells set by themselves.
    found = {name: text for name, _, text in printed if name not in ("PWD", "OLDPWD", "SHLVL", "_")}
    return done.returncode, found, done.stderr
