"""The process of podman's API, and programs of ours that work in its namespaces."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys

from workbench.replicasets.errors import EngineGone

# podman(1), "Environment Variables" (4.3, 5.4), and those that its folders are found by.
_SETTINGS = ("CONTAINERS_", "STORAGE_", "XDG_", "HOME", "TMPDIR")


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


def settings_of(process: int) -> dict[str, str]:
    """Return the variables that tell a podman where its files are, as a process was started with; raises OSError."""
    with open(f"/proc/{process}/environ", errors="surrogateescape") as file:
        variables = dict(each.partition("=")[::2] for each in file.read().split("\0") if "=" in each)
    return {name: value for name, value in variables.items() if name.startswith(_SETTINGS)}


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of ours as a program of its own."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    # Found as this process found itself, wherever it was started.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", env=env, check=False)
