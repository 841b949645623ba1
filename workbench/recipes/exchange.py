"""Replacing a folder by another in one step."""

from __future__ import annotations

import ctypes
import errno
import os

# Linux renameat2(2), since kernel 3.15 and glibc 2.28: swaps two paths, so neither is ever missing.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(new: str, old: str) -> None:
    """Swap the folders `new` and `old`. Raises OSError when that cannot be done.

    Where the file system or the kernel has no such call, the old folder is moved aside first; a
    crash between the two renames then leaves it beside, under a name that ends in `.old`.
    """
    try:
        _renameat2(new, old)
    except (OSError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
        aside = f"{old}.old"
        os.rename(old, aside)
        os.rename(new, old)
        os.rename(aside, new)


def _renameat2(new: str, old: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    call = libc.renameat2
    if call(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), old)
