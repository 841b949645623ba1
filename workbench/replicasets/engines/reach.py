"""What this process may do to files: a container, a unit or a user namespace takes rights away from root."""

from __future__ import annotations

import os

# Owners, modes, setuid bits, capabilities of files, devices; and SYS_ADMIN for the attributes by which an
# overlay marks what was deleted: without it they are not even listed, and a copy looks right that is not.
_NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "SYS_ADMIN": 21, "MKNOD": 27, "SETFCAP": 31}
_ALL_USERS = ["0", "0", "4294967295"]


def may_copy_anything() -> bool:
    """Return whether a copy that we make of a system disk has all that the disk has."""
    if os.geteuid() != 0:
        return False
    with open("/proc/self/status") as status:
        effective = int(next(line.split()[1] for line in status if line.startswith("CapEff:")), 16)
    with open("/proc/self/uid_map") as users:
        is_first = users.read().split() == _ALL_USERS
    return is_first and all(effective >> number & 1 for number in _NEEDED.values())
