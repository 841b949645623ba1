"""Bytecode: compiled once for each source and kind of Python, by that Python, several processes at once."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from workbench.errors import WorkbenchError
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import held_locks
from workbench.monobase.uv import disk_is_full

_COMPILER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compiler.py")
# Below this, starting more than one process is not worth it.
_LEAST = 32


class Compilers:
    """Runs at most `jobs` compilers at once, however many environments are being made."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._free = threading.BoundedSemaphore(jobs)

    def compile(self, interpreter: Interpreter, sources: Mapping[str, str], folder: str) -> dict[str, str]:
        """Compile `sources` (paths by the name that goes into the code) into `folder`; return what was made, by name.

        A source that does not compile is left out. The bytes depend on source, name and Python only.
        Raises WorkbenchError when the compiler itself fails.
        """
        os.makedirs(folder, exist_ok=True)
        work = [
            (path, name, os.path.join(folder, f"{number}.pyc")) for number, (name, path) in enumerate(sources.items())
        ]
        # Dealt out: the sources of one package are of one size.
        shares = [work[share :: self._jobs] for share in range(self._jobs)] if len(work) > _LEAST else [work]
        with ThreadPoolExecutor(self._jobs) as threads:
            list(threads.map(lambda share: self._run(interpreter, share), shares))
        return {name: target for _, name, target in work if os.path.exists(target)}

    def _run(self, interpreter: Interpreter, share: Sequence[tuple[str, str, str]]) -> None:
        # Sets are marshalled in the order of their hashes: with a seed of its own each run gave other bytes.
        environment = {"PYTHONHASHSEED": "0", "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        listed = "".join(f"{json.dumps(item)}\n" for item in share)
        with self._free:
            done = subprocess.run(
                [interpreter.path, "-S", "-s", "-B", _COMPILER],
                input=listed,
                capture_output=True,
                text=True,
                env=environment,
                pass_fds=held_locks(),
                check=False,
            )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            text = lines[-1] if lines else f"it ended with {done.returncode}"
            reason = "the disk is full" if disk_is_full(text) else text
            raise WorkbenchError(f"compiling with {interpreter.path}: {reason}", hint="what is finished stays")
