"""Bytecode: compiled once for each source and kind of Python, by that Python, several processes at once."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence

from workbench.errors import WorkbenchError
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.uv import disk_is_full

_COMPILER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compiler.py")
# A process compiles one source after the other; sources of one package are of one size, so they are dealt out.
_LEAST = 32


def compile_all(interpreter: Interpreter, sources: Mapping[str, str], folder: str, jobs: int) -> dict[str, str]:
    """Compile `sources` (paths by the name that goes into the code) into `folder`; return the bytecode's files by name.

    A source that does not compile is left out. The bytes depend on source, name and Python only.
    Raises WorkbenchError when the compiler itself fails.
    """
    os.makedirs(folder, exist_ok=True)
    work = [(path, name, os.path.join(folder, f"{number}.pyc")) for number, (name, path) in enumerate(sources.items())]
    shares = [work[share::jobs] for share in range(jobs)] if len(work) > _LEAST else [work]
    running = [_start(interpreter, share) for share in shares if share]
    said = [child.communicate()[1] for child in running]
    for child, error in zip(running, said, strict=True):
        if child.returncode != 0:
            text = error.strip().splitlines()[-1] if error.strip() else f"it ended with {child.returncode}"
            reason = "the disk is full" if disk_is_full(text) else text
            raise WorkbenchError(f"compiling with {interpreter.path}: {reason}", hint="what is finished stays")
    return {name: target for _, name, target in work if os.path.exists(target)}


def _start(interpreter: Interpreter, share: Sequence[tuple[str, str, str]]) -> subprocess.Popen[str]:
    # Sets are marshalled in the order of their hashes: with a seed of its own each run gave other bytes.
    environment = {"PYTHONHASHSEED": "0", "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    command = [interpreter.path, "-S", "-s", "-B", _COMPILER]
    listed = "".join(f"{json.dumps(item)}\n" for item in share)
    # From a file and not a pipe, so that all of them run while we wait for one.
    with open(f"{share[0][2]}.list", "w+", encoding="utf-8") as file:
        file.write(listed)
        file.seek(0)
        return subprocess.Popen(
            command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        )
