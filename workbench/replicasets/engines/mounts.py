"""Mounting a folder by what was opened, not by its path: whoever writes beside it may swap it for a link meanwhile.

Run as a program it does the same in the namespaces of another process, which a thread of a service cannot enter:
`python -m workbench.replicasets.engines.mounts PID attach ROOT PATH TARGET`, `… PID detach TARGET` or
`… PID list FOLDER`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
import sys

# include/uapi/asm-generic/unistd.h of Linux 5.6; the numbers are the same on every architecture but alpha.
_OPEN_TREE, _MOVE_MOUNT, _OPENAT2 = 428, 429, 437
# include/uapi/linux/openat2.h
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
# include/uapi/linux/mount.h, fcntl.h
_OPEN_TREE_CLONE, _AT_EMPTY_PATH, _AT_RECURSIVE = 1, 0x1000, 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 0x04
_AT_FDCWD = -100
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
# include/uapi/linux/sched.h
_KINDS = {"mnt": 0x00020000, "user": 0x10000000}

_libc = ctypes.CDLL(None, use_errno=True)


def attach(root: str, path: str, target: str) -> bool:
    """Mount the folder `path`, relative to `root`, at `target`; return whether it is a folder, reached without links.

    `root` is the administrator's and may be a link itself. Folders mounted below the folder come along. What was
    mounted at `target` before is unmounted. Raises OSError: EPERM without the right to mount, ENOSYS for a kernel
    older than Linux 5.6.
    """
    detach(target)
    try:
        folder = open_beneath(root, path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
            return False
        raise
    try:
        flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | _AT_RECURSIVE | os.O_CLOEXEC
        tree = _syscall(_OPEN_TREE, folder, b"", flags)
    finally:
        os.close(folder)
    try:
        os.makedirs(target, mode=0o700, exist_ok=True)
        _syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)
    _make_private(target)
    return True


def detach(target: str) -> None:
    """Unmount what `attach` mounted at `target`, if anything, and remove the empty folder. Containers keep theirs."""
    if target in mounted(os.path.dirname(target)):
        # Else the mounts below it would be unmounted where the folder itself is, too.
        _make_private(target)
        while _libc.umount2(os.fsencode(target), _MNT_DETACH | _UMOUNT_NOFOLLOW) == 0:
            pass
        if ctypes.get_errno() != errno.EINVAL:
            _raise(target)
    try:
        os.rmdir(target)
    except FileNotFoundError:
        pass


def mounted(folder: str) -> set[str]:
    """Return the folders directly below `folder` that something is mounted at."""
    start = os.path.realpath(folder)
    with open("/proc/self/mountinfo", errors="surrogateescape") as file:
        points = (re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in file)
        return {os.path.join(folder, os.path.basename(each)) for each in points if os.path.dirname(each) == start}


def open_beneath(root: str, path: str) -> int:
    """Open the folder `path` below `root`, as a place only (O_PATH): no part of `path` may be a link or lead out.

    Raises OSError; ELOOP for a link, EXDEV for a way out.
    """
    top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        how = struct.pack("QQQ", flags, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
        while True:
            try:
                return _syscall(_OPENAT2, top, os.fsencode(path or "."), how, len(how))
            except BlockingIOError:
                continue  # something was renamed meanwhile, and the kernel could not be sure
    finally:
        os.close(top)


def _make_private(target: str) -> None:
    if _libc.mount(None, os.fsencode(target), None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None) != 0:
        _raise(target)


def _syscall(number: int, *arguments: int | bytes) -> int:
    words = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    done = int(_libc.syscall(ctypes.c_long(number), *words))
    if done < 0:
        _raise("")
    return done


def _raise(path: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), path or None)


def enter(process: int, *names: str) -> None:
    """Enter namespaces (user, mnt) of a process where they are not ours; raises OSError."""
    for name, kind in ((each, _KINDS[each]) for each in names):
        path = f"/proc/{process}/ns/{name}"
        if os.path.samefile(path, f"/proc/self/ns/{name}"):
            continue
        namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if _libc.setns(namespace, kind) != 0:
            _raise(path)


def _main(process: str, what: str, *paths: str) -> int:
    """Do it there; the exit code is 0, 3 for what is no such folder, or 100 and more for an error's number."""
    try:
        enter(int(process), "user", "mnt")
        if what == "attach":
            return 0 if attach(*paths) else 3
        if what == "detach":
            detach(*paths)
        else:
            print("\n".join(mounted(*paths)))
        return 0
    except OSError as error:
        return 100 + min(error.errno or 0, 150)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
