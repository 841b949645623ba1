"""Programs that end with the tests, whatever ends those."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.catalogues import REPOSITORY
from tests.engine import SHORT
from tests.kubernetes import supervisor


@dataclass(frozen=True)
class Supervisor:
    """The process that starts programs and ends them; `folder` is theirs."""

    folder: Path
    process: subprocess.Popen[str]

    def start(self, name: str, *command: str) -> int:
        """Start a program, whose output goes to `NAME.log`, and return its number."""
        return self._send(name, command, self.folder, {}, wait=False)

    def run(self, name: str, *command: str, folder: Path, env: Mapping[str, str]) -> None:
        """Run a program in a folder to its end; fails with the last of what it printed."""
        assert self._send(name, command, folder, env, wait=True) == 0, f"{' '.join(command)}:\n{self.log(name)}"

    def _send(self, name: str, command: Sequence[str], folder: Path, env: Mapping[str, str], *, wait: bool) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        job = {"name": name, "command": command, "folder": str(folder), "env": {**env}, "wait": wait}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{name} could not be started"
        return int(line)

    def log(self, name: str) -> str:
        """Return the last that a program printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]


@contextmanager
def supervised(*within: str) -> Iterator[Supervisor]:
    """Yield a supervisor with an empty folder, started by the command `within`; all that it started ends with this.

    So it does when this process is killed: its end of the pipe closes.
    """
    supervisor.sweep(Path(SHORT))
    folder = Path(tempfile.mkdtemp(prefix="workbench-kubernetes-", dir=SHORT))
    command: Sequence[str] = [*within, sys.executable, "-m", supervisor.__name__, str(folder)]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Supervisor(folder, process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()
