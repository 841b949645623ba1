"""What differs between two disks of podman's: its own comparison, and sizes where the layers can be read from here."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

from workbench.replicasets.engines.disk_capabilities import Change, DiskName
from workbench.replicasets.engines.podman import requests, trees
from workbench.replicasets.engines.podman.http import LONG_SECONDS, PodmanHttp
from workbench.replicasets.errors import EngineError

# The kinds of a change, as podman numbers them.
_KINDS = {0: "changed", 1: "added", 2: "removed"}
_MOST = 256 << 20
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class PodmanComparison:
    """See ComparingDisks."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http

    def compare(self, old: DiskName, new: DiskName) -> list[Change]:
        """Return what differs, by path; folders only where nothing in them differs."""
        kinds = self._changes(old, new)
        if "removed" in kinds.values():
            # podman (4.3) names a folder that is gone, and nothing that was in it; the other way round it does.
            kinds |= {path: "removed" for path, kind in self._changes(new, old).items() if kind == "added"}
        # A folder is another one when something in it is: its time.
        parents = {os.path.dirname(path) for path in kinds}
        before, after = (self._layers(each) for each in (old, new))
        found = []
        for path, kind in sorted(kinds.items()):
            if path not in parents:
                old_size = None if kind == "added" else _size(before, path)
                found.append(Change(path, kind, old_size, None if kind == "removed" else _size(after, path)))
        return found

    def _changes(self, old: DiskName, new: DiskName) -> dict[str, str]:
        with self._http.stream(
            f"{_place(new)}/changes", query={"parent": old.id, "diffType": "all"}, method="GET", read=LONG_SECONDS
        ) as pieces:
            whole = bytearray()
            for piece in pieces:
                whole += piece
                if len(whole) > _MOST:
                    raise EngineError("the two disks differ in too many paths to be listed")
        return {str(row["Path"]): _KINDS[row["Kind"]] for row in json.loads(whole) or ()}

    def _layers(self, disk: DiskName) -> list[str]:
        """Return the folders of a disk's layers, the upper one first; none when they cannot be read from here."""
        if not trees.may_copy_anything():
            return []
        found = requests.layers(self._http.call("GET", f"{_place(disk)}/json") or {})
        return found if found and os.path.isdir(found[0]) else []


def _place(disk: DiskName) -> str:
    return f"/{'images' if disk.is_image else 'containers'}/{quote(disk.id, safe='')}"


def _size(layers: list[str], path: str) -> int | None:
    """Return the bytes of a file, in the first layer that has it; None for a folder, and where that cannot be seen."""
    for layer in layers:
        for status in _status(layer, path):
            return status.st_size if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode) else None
    return None


def _status(layer: str, path: str) -> Iterator[os.stat_result]:
    """Yield the status of a path in a layer, if it is there; no link is followed, whatever leads where."""
    *folders, name = [part for part in path.split("/") if part] or ["."]
    with suppress(OSError):
        at = os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, _FOLDER, dir_fd=at)
                os.close(at)
                at = inner
            yield os.stat(name, dir_fd=at, follow_symlinks=False)
        finally:
            os.close(at)
