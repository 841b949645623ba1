"""Sized volumes on XFS: a folder each, its size kept by a project quota. Resized while in use."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping

from workbench.replicasets.errors import Failed
from workbench.replicasets.tools import is_installed
from workbench.replicasets.values import Volume
from workbench.replicasets.volumes.driver import is_mounted, place, refuse_below, tool

# Numbers below are left to administrators, by custom; the highest is the kernel's own.
_FIRST, _NUMBERS = 1 << 20, (1 << 32) - (1 << 21)
_ROW = re.compile(r"^#([0-9]+)\s+([0-9]+)\s+[0-9]+\s+([0-9]+)\s", re.MULTILINE)


class XfsQuota:
    """See Driver."""

    live = True
    shrinks = True

    def create(self, folder: str, volume: Volume) -> Mapping[str, str]:
        """Make the folder, its own project, and limit that before anything can be written."""
        path, project = place(folder, volume), _project(volume)
        if not os.path.isdir(path):
            if _report(folder).get(project, (0, 0)) != (0, 0):
                raise Failed(f"project {project} of {_mount(folder)} is in use already", hint="try again")
            os.makedirs(path, mode=0o700)
        _quota(folder, "make a project", f"project -s -p {path} {project}")
        self.apply(folder, volume, volume.size)
        os.chmod(path, 0o775)
        return {"type": "none", "device": path, "o": "bind"}

    def remove(self, folder: str, volume: Volume) -> None:
        """Remove the folder, and the limit after it."""
        path = place(folder, volume)
        if os.path.isdir(path):
            try:
                shutil.rmtree(path)
            except OSError as error:
                raise Failed(f"cannot remove the volume: {error.strerror}") from None
        if _project(volume) in _report(folder):
            _quota(folder, "take the limit away", f"limit -p bhard=0 {_project(volume)}")

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        """Refuse a size below what it holds."""
        used, _ = _report(folder).get(_project(volume), (0, 0))
        refuse_below(volume, size, used)

    def apply(self, folder: str, volume: Volume, size: int) -> None:
        """Set the limit."""
        _quota(folder, "limit a project", f"limit -p bhard={size} {_project(volume)}")
        # The command succeeds even when it had no effect.
        if _report(folder).get(_project(volume), (0, 0))[1] != size:
            raise Failed(f"{_mount(folder)} did not take the limit", hint="is project quota on, and enforced?")

    def discard(self, folder: str, volume: Volume) -> None:
        """Do nothing: nothing was changed."""

    def size(self, folder: str, volume: Volume) -> int | None:
        """Return the limit."""
        if not os.path.isdir(place(folder, volume)):
            return None
        return _report(folder).get(_project(volume), (0, 0))[1] or None

    def in_use(self, folder: str, volume: Volume) -> bool:
        """Return whether it is mounted somewhere."""
        return is_mounted(volume)


def enforces(folder: str) -> bool:
    """Return whether the XFS that `folder` is on keeps projects to their limits."""
    # The command splits at spaces, and nothing quotes them.
    if re.search(r"\s", folder) or not is_installed("xfs_quota"):
        return False
    return "Enforcement: ON" in _quota(folder, "read the quota", "state -p")


def _project(volume: Volume) -> int:
    """Return the volume's project: by its id, so that it is always the same one."""
    return int(volume.id[:16], 16) % _NUMBERS + _FIRST


def _report(folder: str) -> dict[int, tuple[int, int]]:
    """Return how many bytes every project holds and may hold."""
    table = _quota(folder, "read the quota", "report -p -n -N -b")
    return {int(number): (int(used) << 10, int(most) << 10) for number, used, most in _ROW.findall(table)}


def _quota(folder: str, what: str, command: str) -> str:
    return tool(what, "xfs_quota", "-x", "-c", command, _mount(folder))


def _mount(folder: str) -> str:
    """Return where the file system of `folder` is mounted."""
    path = os.path.realpath(folder)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path
