"""What an interrupted build leaves in podman's store, and removing it.

buildah makes a working container for each step and removes them all at the end: of a podman that was killed they
stay for good, mounted. A build of ours has its mark in the id of a secret that no step mounts, which is in no image,
has no part in what the cache compares, and which buildah keeps with each working container (buildah.json, podman 4.3).
"""

from __future__ import annotations

import glob
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.build_mark import is_abandoned, mark_in
from workbench.process import descendants


def remove_of(mark: str) -> None:
    """Remove the working containers of the build `mark`, which is over."""
    _remove(lambda found: found == mark)


def remove_abandoned() -> int:
    """Remove what builds of ours left whose process is gone, end what of them still runs; return how many there were.

    Nothing is raised: what cannot be removed is in nobody's way but the disk's.
    """
    with suppress(WorkbenchError, OSError):
        return _remove(is_abandoned)
    return 0


def _remove(is_meant: Callable[[str], bool]) -> int:
    _end_builds(is_meant)
    meant = {container: layer for container, (mark, layer) in _working_containers().items() if is_meant(mark)}
    for container, layer in meant.items():
        _end_inside(layer)
        podman.run("rm", "--force", "--time=0", container)
    return len(meant)


def _working_containers() -> dict[str, tuple[str, str]]:
    """Return the mark of each working container, and the folder of its changes; of builds of ours only."""
    listed = podman.run("ps", "--all", "--external", "--no-trunc", "--format", "{{.ID}}").out.split()
    if not listed:
        return {}
    root = podman.image_store().root
    layers: dict[str, str] = {}
    for file in glob.glob(os.path.join(glob.escape(root), "*-containers/containers.json")):
        with open(file) as text:
            layers |= {each["id"]: each["layer"] for each in json.load(text)}
    found = {}
    for container in listed:
        for file in glob.glob(os.path.join(glob.escape(root), "*-containers", container, "userdata/buildah.json")):
            with open(file) as text:
                options = json.load(text).get("CommonBuildOpts") or {}
            if mark := mark_in(" ".join(options.get("Secrets") or ())):
                found[container] = (mark, f"{root}/overlay/{layers.get(container, '')}/diff")
    return found


def _end_builds(is_meant: Callable[[str], bool]) -> None:
    """End every podman that still builds for such a mark, and what runs below it."""
    for process in _processes():
        with suppress(OSError), open(f"/proc/{process}/cmdline", errors="replace") as words:
            if "\0--secret=id=workbench-build-" in (text := words.read()) and is_meant(mark_in(text)):
                _kill(*descendants(process), process)


def _end_inside(changes: str) -> None:
    """End the processes whose root is the file system with the folder `changes`: a step's, without its podman."""
    for process in _processes():
        with suppress(OSError), open(f"/proc/{process}/mountinfo", errors="replace") as mounts:
            root = next((line for line in mounts if line.split()[4] == "/"), "")
            if f"upperdir={changes}," in f"{root.rstrip()},":
                _kill(process)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _kill(*processes: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
