"""Containers of models whose command was killed: nobody waits for them any more, and the next command removes them."""

from __future__ import annotations

import json
import os

from workbench import podman
from workbench.images.labels import OWN

# The label's value: whose container it is. Another process with that number began at another time, or elsewhere.
_OWNER = f"{OWN}.owner"


def owner_option() -> str:
    """Return podman's option that marks a container as this process's."""
    return f"--label={_OWNER}={_process(os.getpid())}"


def remove_abandoned() -> None:
    """Remove the containers whose process ended without removing them; those of other machines' views are left."""
    done = podman.run("ps", "--all", "--filter", f"label={_OWNER}", "--format", "json")
    for each in json.loads(done.out or "[]") if done.code == 0 else ():
        owner = str((each.get("Labels") or {}).get(_OWNER, ""))
        namespace, _, rest = owner.partition(" ")
        number = rest.partition(" ")[0]
        if namespace == _namespace() and number.isdigit() and _process(int(number)) != owner:
            podman.run("rm", "--force", "--ignore", "--time=0", each["Id"])


def _process(number: int) -> str:
    """Return what identifies a process: namespace, number, and start in ticks since the machine's (Linux: /proc)."""
    try:
        with open(f"/proc/{number}/stat", errors="replace") as stat:
            # The name in brackets may hold anything; the start is the 22nd word of all.
            begun = stat.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{_namespace()} {number} {begun}"


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
