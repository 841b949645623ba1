"""A real ssh agent with one key, and the program that lists its keys, for steps of an image that has no libraries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMENT = "a key of the tests"


@contextmanager
def agent(folder: Path) -> Iterator[str]:
    """Yield the socket of an agent; skips, naming it, where openssh-client is not installed."""
    missing = [name for name in ("ssh-agent", "ssh-add", "ssh-keygen") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    # The path of a socket has 107 bytes at most.
    path = Path(os.path.relpath(folder / "agent"))
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", COMMENT, "-f", str(key)], check=True)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True, capture_output=True)
        yield str(folder / "agent")
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def put_program(folder: Path) -> None:
    """Copy ssh-add, and the libraries that it needs, below `folder`, each at its own path."""
    program = shutil.which("ssh-add") or ""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for path in (program, *re.findall(r"(/\S+) \(0x", listed)):
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)
