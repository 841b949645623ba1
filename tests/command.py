"""Running the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.catalogues import REPOSITORY

# The words that start the tool.
ENTRY = (sys.executable, str(REPOSITORY / "wizard.py"))


def wizard(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `wizard.py` with `arguments` (as text), without a terminal, and return how it ended."""
    done = subprocess.run(
        [*ENTRY, *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=cwd or REPOSITORY,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode == 3 and (named := re.search(r"the details are in (\S+);", done.stderr)):
        # A bug: its details belong into the test's output, not into the folder for temporary files.
        log = Path(named[1])
        done.stderr += log.read_text()
        log.unlink()
    return done


def command_line(folder: Path = REPOSITORY, catalogue: Path | None = None) -> str:
    """How messages name this checkout's wizard to a user in `folder`: with the Python and the catalogue of the run."""
    python, script = Path(sys.executable), REPOSITORY / "wizard.py"
    words = [str(path.relative_to(folder) if path.is_relative_to(folder) else path) for path in (python, script)]
    return " ".join([*words, *(["--catalog", str(catalogue)] if catalogue else [])])


def killed_after(seconds: float, command: Sequence[str]) -> float | None:
    """Run `command` and kill it after so many seconds; return None then, or how many it took when it was faster."""
    begin = time.monotonic()
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
    return time.monotonic() - begin


def next_estimate(whole_run: float, took: float | None) -> float:
    """Return how long a whole run may take, in seconds, from the last estimate and what `killed_after` returned.

    The shortest run is what there is to hit. Where runs are killed one after the other, the machine has become
    slower since, and later moments are what there is to hit.
    """
    return whole_run * 1.05 if took is None else min(whole_run, took)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below `folder` by its path in it; none if there is no folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
