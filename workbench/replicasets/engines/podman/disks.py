"""The disks of podman's containers, read and copied by this service: as root, or as root of a user's podman.

A normal user's podman runs in a user namespace, in which the files of its containers belong to users of that. So run
as a program this enters the user namespace of a process, as that user may, and does one thing there:
`python -m workbench.replicasets.engines.podman.disks PID may`, `… PID copy SOURCE TARGET`, `… PID same ONE OTHER`,
`… PID allocated FOLDER`, or what trees/rebasing.py does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import cast

from workbench.replicasets.engines import mounts
from workbench.replicasets.engines.podman import peer, trees
from workbench.replicasets.errors import EngineError

_FAILED = 3
# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1


class PodmanDisks:
    """The upper folders of overlays of the podman that listens at `address`."""

    def __init__(self, address: str) -> None:
        self._socket = address.removeprefix("unix://")
        # What was found, by the process of podman's API; 0 is none that runs in a user namespace of this user's.
        self._may: dict[int, bool] = {0: False}

    def can_copy(self, upper: str) -> bool:
        """Return whether everything of such a folder can be copied from here."""
        if not upper or not os.path.isdir(upper):
            return False
        return trees.may_copy_anything() or self._may_inside(self._process())

    def copy(self, source: str, target: str) -> None:
        """Replace the content of `target` by that of `source`; raises EngineError."""
        self._do("copy", source, target)

    def same(self, one: str, other: str) -> bool:
        """Return whether two folders hold the same in every respect."""
        return bool(self._do("same", one, other))

    def allocated(self, folder: str) -> int:
        """Return the bytes that a folder takes; holes count for nothing."""
        return int(str(self._do("allocated", folder)))

    def overlaps(self, upper: str, old: Sequence[str], new: Sequence[str]) -> dict[str, list[dict[str, str]]]:
        """Return what the layer `upper` and the next image both changed, from the folders of the images' layers."""
        found = self._do("overlaps", upper, json.dumps(list(old)), json.dumps(list(new)))
        return cast(dict[str, list[dict[str, str]]], found)

    def rebase(self, source: str, target: str, old: Sequence[str], new: Sequence[str], keep: str) -> None:
        """Replace the layer `target` of the image `new` by what `source` changed on the image `old`."""
        self._do("rebase", source, target, json.dumps(list(old)), json.dumps(list(new)), keep)

    def _do(self, what: str, *paths: str) -> object:
        if trees.may_copy_anything():
            return _ACTIONS[what](*paths)
        done = peer.run(__name__, str(self._process()), what, *paths)
        if done.returncode:
            raise EngineError(done.stderr.strip()[-500:] or "a disk could not be read", hint="is the disk full?")
        return json.loads(done.stdout)

    def _may_inside(self, process: int) -> bool:
        if process not in self._may:
            self._may = {0: False, process: peer.run(__name__, str(process), "may").returncode == 0}
        return self._may[process]

    def _process(self) -> int:
        """Return the process of podman's API where it is in another user namespace, else 0."""
        process = peer.process_at(self._socket)
        try:
            return process if process and peer.is_elsewhere(process, "user") else 0
        except OSError:
            return 0  # another user's


_ACTIONS: dict[str, Callable[..., object]] = {
    "may": trees.may_copy_inside,
    "copy": trees.copy,
    "same": trees.same,
    "allocated": trees.allocated,
    "overlaps": trees.overlaps,
    "rebase": trees.rebase,
}


def _main(process: str, what: str, *paths: str) -> int:
    try:
        parent = os.getppid()
        mounts.enter(int(process), "user")
        # A service that is killed leaves no copy under way. Entering takes this back, so it comes after that.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return _FAILED
        done = _ACTIONS[what](*paths)
    except (OSError, EngineError) as error:
        print(str(error), file=sys.stderr)
        return _FAILED
    print(json.dumps(done))
    return _FAILED if what == "may" and not done else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
