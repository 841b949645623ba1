"""A container's changes on disk: comparing two trees in every respect, copying one over another, and to a new image."""

from __future__ import annotations

import os

from workbench.replicasets.engines.podman.trees.comparing import same
from workbench.replicasets.engines.podman.trees.copying import copy_tree
from workbench.replicasets.engines.podman.trees.rebasing import overlaps, rebase
from workbench.replicasets.engines.podman.trees.walking import allocated
from workbench.replicasets.errors import EngineError

__all__ = ["allocated", "copy", "may_copy_anything", "may_copy_inside", "overlaps", "rebase", "same"]

# Owners, modes, setuid bits, capabilities of files, devices; and SYS_ADMIN for the attributes by which an
# overlay marks deletions: without it they are not even listed, and an incomplete copy looks complete.
_NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "SYS_ADMIN": 21, "MKNOD": 27, "SETFCAP": 31}
_ALL_USERS = ["0", "0", "4294967295"]


def copy(source: str, target: str) -> None:
    """Replace the content of `target` by that of `source`. Raises EngineError when that fails (a full disk …)."""
    try:
        copy_tree(source, target)
    except OSError as error:
        what = error.strerror or str(error)
        raise EngineError(f"the system disk could not be copied: {what}", hint="is the engine's disk full?") from None


def may_copy_anything() -> bool:
    """Return whether this process has the rights to copy everything of a system disk."""
    with open("/proc/self/uid_map") as users:
        is_first = users.read().split() == _ALL_USERS
    return is_first and _has_rights()


def may_copy_inside() -> bool:
    """Return whether this process is root of a user namespace of several users, as containers of a normal user are in.

    There are no devices in them but those by which an overlay marks deletions, which the kernel lets it make there
    (Linux 5.8; mknod(2)). Attributes of the overlay are the user's own.
    """
    with open("/proc/self/uid_map") as users:
        return len(users.readlines()) > 1 and _has_rights()


def _has_rights() -> bool:
    if os.geteuid() != 0:
        return False
    with open("/proc/self/status") as file:
        effective = int(next(line.split()[1] for line in file if line.startswith("CapEff:")), 16)
    return all(effective >> number & 1 for number in _NEEDED.values())
