"""Folders of the host for podman's containers, mounted where podman sees them: in the namespaces of its API."""

from __future__ import annotations

import errno
import os
import subprocess

from workbench.replicasets.engines import mounts
from workbench.replicasets.engines.podman import peer
from workbench.replicasets.errors import EngineError, Unsupported

_NOT_THERE = 3
_ERRORS = 100
_FORBIDDEN = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH, errno.ENOENT)


class PodmanFolders:
    """Mounts below `folder`, a folder of the service's own, as root or as the user whose podman it is.

    podman is told a path, and looks it up long after it was checked. So a folder is opened once, and mounted here.
    """

    def __init__(self, address: str, folder: str) -> None:
        self._socket, self._folder = address.removeprefix("unix://"), folder

    def attach(self, name: str, root: str, path: str) -> str:
        """Return where the folder `path` below `root` is mounted now, "" when it is none; raises Unsupported."""
        target = self._place(name)
        relative = os.path.relpath(path, root)
        try:
            return target if self._do("attach", root, "" if relative == "." else relative, target) else ""
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise EngineError(f"{path} cannot be mounted: {error.strerror}") from None
            # Nobody can swap the root itself: what is above it is the administrator's.
            if relative == "." and os.path.isdir(root):
                return path
            raise Unsupported(
                f"{path} cannot be bound: this service may not mount folders for podman ({error.strerror})",
                hint=f"bind {root} itself, use a volume, or run the service as root or as the user of its podman",
            ) from None

    def detach(self, name: str) -> None:
        """Unmount what was mounted under that name."""
        try:
            self._do("detach", self._place(name))
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise EngineError(f"{self._place(name)} cannot be unmounted: {error.strerror}") from None

    def attached(self) -> set[str]:
        """Return the names under which something is mounted, none where podman's mounts are out of reach."""
        process = self._process()
        try:
            if process and _is_elsewhere(process):
                listed = _run(process, "list", self._folder)
                return {os.path.basename(line) for line in listed.stdout.splitlines() if line}
        except OSError:
            return set()
        return {os.path.basename(each) for each in mounts.mounted(self._folder)}

    def _place(self, name: str) -> str:
        return os.path.join(os.path.realpath(self._folder), name)

    def _do(self, what: str, *paths: str) -> bool:
        """Do it here, or in podman's namespaces where those are others; raises OSError."""
        process = self._process()
        if not process:
            raise OSError(errno.ESRCH, "podman is in another process namespace")
        if _is_elsewhere(process):
            code = _run(process, what, *paths).returncode
            if code not in (0, _NOT_THERE):
                number = max(code - _ERRORS, 0)
                raise OSError(number, os.strerror(number))
            return code == 0
        if what == "attach":
            return mounts.attach(*paths)
        mounts.detach(*paths)
        return True

    def _process(self) -> int:
        return peer.process_at(self._socket)


def _is_elsewhere(process: int) -> bool:
    """Return whether a process has a mount namespace of its own."""
    return peer.is_elsewhere(process, "mnt")


def _run(process: int, what: str, *paths: str) -> subprocess.CompletedProcess[str]:
    return peer.run(mounts.__name__, str(process), what, *paths)
