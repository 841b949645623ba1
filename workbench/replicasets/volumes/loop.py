"""Sized volumes on any file system: an ext4 image a volume, mounted by the engine through a loop device."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping

from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Conflict, Invalid
from workbench.replicasets.quantities import size_text
from workbench.replicasets.values import Volume
from workbench.replicasets.volumes.driver import place, tool

LEAST = 4 << 20
_SLACK = 1.05
_PATIENCE_SECONDS = 10.0


class LoopExt4:
    """See Driver. A resize works on a copy, which takes the place of the image once e2fsck finds it whole."""

    live = False
    shrinks = True

    def create(self, folder: str, volume: Volume) -> Mapping[str, str]:
        """Make the image, sparse, its root writable for group 0 as images run by any user expect."""
        if volume.size < LEAST:
            raise Invalid(f"{size_text(volume.size)} is too small for a file system", hint="at least 4MB")
        os.makedirs(folder, mode=0o711, exist_ok=True)
        new, path = place(folder, volume, ".new"), place(folder, volume, ".img")
        if not os.path.exists(path):
            _sized(new, volume.size, fresh=True)
            tool("make a file system", "mkfs.ext4", "-q", "-F", "-m", "0", new)
            tool("make a file system", "debugfs", "-w", "-R", "set_inode_field / mode 040775", new)
            os.replace(new, path)
        return {"type": "ext4", "device": path, "o": "loop"}

    def remove(self, folder: str, volume: Volume) -> None:
        """Remove the image."""
        for ending in (".new", ".img"):
            _unlink(place(folder, volume, ending))

    def prepare(self, folder: str, volume: Volume, size: int) -> None:
        """Make a copy of the new size and check it."""
        if size < LEAST:
            raise Invalid(f"{size_text(size)} is too small for a file system", hint="at least 4MB")
        path, new = place(folder, volume, ".img"), place(folder, volume, ".new")
        self._refuse_used(folder, volume)
        tool("copy the volume", "cp", "--sparse=always", "--reflink=auto", path, new)
        # 1: it had to replay the journal of an unclean unmount, and did.
        tool("check the volume", "e2fsck", "-f", "-y", new, okay=(0, 1))
        blocks, block = _least(new)
        if size < blocks * block * _SLACK:
            needed = -(-int(blocks * block * _SLACK) >> 20 << 20) + (1 << 20)
            raise Invalid(
                f"{volume.name} holds too much for {size_text(size)}",
                Code.VOLUME_USED,
                hint=f"at least {size_text(needed)}",
            )
        if size > os.path.getsize(new):
            os.truncate(new, size)
        tool("resize the volume", "resize2fs", new, f"{size // 1024}K")
        os.truncate(new, size)
        tool("check the resized volume", "e2fsck", "-f", "-n", new)
        _sync(new)

    def apply(self, folder: str, volume: Volume, size: int) -> None:
        """Put the checked copy in the place of the image."""
        new = place(folder, volume, ".new")
        if os.path.exists(new):
            self._refuse_used(folder, volume)
            os.replace(new, place(folder, volume, ".img"))
            _sync(folder)

    def discard(self, folder: str, volume: Volume) -> None:
        """Remove the copy."""
        _unlink(place(folder, volume, ".new"))

    def size(self, folder: str, volume: Volume) -> int | None:
        """Return the size of the image."""
        try:
            return os.path.getsize(place(folder, volume, ".img"))
        except OSError:
            return None

    def in_use(self, folder: str, volume: Volume) -> bool:
        """Return whether a loop device has the image."""
        # From the kernel itself: in a container the devices may have no names for losetup to use.
        path = os.path.realpath(place(folder, volume, ".img"))
        return path in {backing.removesuffix(" (deleted)") for backing in _backings()}

    def _refuse_used(self, folder: str, volume: Volume) -> None:
        # The kernel releases a loop device some time after the unmount, later when the disk is busy.
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.in_use(folder, volume):
            if time.monotonic() > deadline:
                raise Conflict(f"{volume.name} is mounted", hint="stop the sets that use it, resize, restart them")
            time.sleep(0.1)


def _backings() -> Iterator[str]:
    """Yield the file behind every loop device of this machine."""
    for device in os.listdir("/sys/block"):
        if device.startswith("loop"):
            try:
                with open(f"/sys/block/{device}/loop/backing_file", errors="surrogateescape") as file:
                    yield file.read().rstrip("\n")
            except OSError:
                pass  # it has none, or no longer has one


def _sized(path: str, size: int, *, fresh: bool) -> None:
    if fresh:
        _unlink(path)
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "rb+") as file:
        file.truncate(size)


def _least(path: str) -> tuple[int, int]:
    """Return how many blocks it cannot do without, and the size of one."""
    least = tool("find out how full the volume is", "resize2fs", "-P", path)
    header = tool("find out how full the volume is", "dumpe2fs", "-h", path)
    blocks, block = re.search(r": ([0-9]+)", least), re.search(r"^Block size:\s+([0-9]+)", header, re.MULTILINE)
    assert blocks is not None and block is not None
    return int(blocks[1]), int(block[1])


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
