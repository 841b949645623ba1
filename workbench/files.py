"""Writing one file or replacing one folder, whole or not at all; the folder for caches; what a path is."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator

from workbench.errors import WorkbenchError

# Linux renameat2(2), since kernel 3.15 and glibc 2.28: swaps two paths, so neither is ever missing.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def unblocked(path: str, flags: int) -> int:
    """Open `path` for `open(…, opener=unblocked)`: a pipe that nobody writes to keeps no one waiting.

    `open` closes what an opener returned when it is a folder; what it is given as a number stays open then.
    """
    return os.open(path, flags | os.O_NONBLOCK)


def unfollowed(path: str, flags: int) -> int:
    """Open `path` as `unblocked` does, and follow no link at its end: for `open(…, opener=unfollowed)`."""
    return unblocked(path, flags | os.O_NOFOLLOW)


def replace_text(path: str, text: str, *, mode: int = 0o644, sync: bool = False) -> None:
    """Put `text` at `path`, in an existing folder: a reader finds the old file or the new one, never half.

    With `sync` it is on the disk when this returns. Raises OSError, and leaves nothing then. A process that is
    killed in between leaves `.NAME.new` beside it, which the next one that writes NAME takes over.
    """
    handle, staged = _stage(path)
    # All of it while the file is locked, which ends with the handle.
    with open(handle, "w", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(handle)
            os.fchmod(handle, mode)
            os.replace(staged, path)
        except BaseException:
            if _is_own(handle, staged):
                os.unlink(staged)
            raise


def _stage(path: str) -> tuple[int, str]:
    """Return the handle and the path of an empty file beside `path`: of this process only, and readable by its user."""
    folder, name = os.path.split(os.path.abspath(path))
    staged = os.path.join(folder, f".{name}.new")
    while True:
        try:
            handle = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.ELOOP) or not os.path.lexists(staged):
                raise
            os.unlink(staged)
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_own(handle, staged):
                os.truncate(handle, 0)
                os.fchmod(handle, 0o600)
                return handle, staged
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_own(handle: int, staged: str) -> bool:
    """Return whether the locked file is still at `staged`; another user's, or one with more names, is removed."""
    locked = os.fstat(handle)
    try:
        current = os.lstat(staged)
    except FileNotFoundError:
        return False
    if (current.st_dev, current.st_ino) != (locked.st_dev, locked.st_ino):
        return False
    if locked.st_uid == os.geteuid() and locked.st_nlink == 1:
        return True
    os.unlink(staged)
    return False


def write_whole(path: str, text: str) -> None:
    """Put `text` at `path` in one step; its folder is made. Raises WorkbenchError when the disk refuses."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=path) from None


def entries_below(folder: str) -> Iterator[str]:
    """Yield the path of every file and link below `folder`, and of every empty folder with a `/` at its end.

    They are relative to it. No link is followed.
    """
    for base, folders, names in os.walk(folder):
        folders.sort()
        inside = os.path.relpath(base, folder).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        yield from (f"{prefix}{name}" for name in sorted([*names, *links]))
        if prefix and not names and not folders:
            yield prefix


def cache_folder(name: str) -> str:
    """Return the folder `name` of ours in the user's cache; it may not exist."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "workbench-images", name)


def has_text(path: str, text: str) -> bool:
    """Return whether `path` is a file with exactly this text."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() == text
    except OSError:
        return False


def is_socket(path: str) -> bool:
    """Return whether there is a socket at `path`; False where this process may not see what is there."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def print_or_write(text: str, path: str) -> None:
    """Print `text`, or write it to `path` and print the path."""
    if path:
        write_whole(path, text)
        print(path)
    else:
        sys.stdout.write(text)


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
