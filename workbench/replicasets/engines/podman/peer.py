"""The process of podman's API, and programs of ours that work in its namespaces."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys

from workbench.replicasets.errors import EngineGone


def process_at(path: str) -> int:
    """Return the process that listens at podman's socket, 0 when it is not seen from here; raises EngineGone."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError as error:
        raise EngineGone(f"podman does not answer: {error.strerror}", where=path) from None
    return int(struct.unpack("3i", credentials)[0])


def is_elsewhere(process: int, namespace: str) -> bool:
    """Return whether a process has another namespace (mnt, user) than this one; raises OSError."""
    return not os.path.samefile(f"/proc/{process}/ns/{namespace}", f"/proc/self/ns/{namespace}")


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of ours as a program of its own."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    # Found as this process found itself, wherever it was started.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", env=env, check=False)
