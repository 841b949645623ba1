"""Files into and out of the current version of a set, as tar archives, within limits of size."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from workbench.replicasets import checks, containers
from workbench.replicasets.engines.capabilities import CopyingFiles, FileKind, FileStream, require
from workbench.replicasets.engines.disk_capabilities import MeasuringDisks
from workbench.replicasets.engines.protocol import Container
from workbench.replicasets.errors import Conflict, Exhausted, Invalid, NotFound
from workbench.replicasets.quantities import about
from workbench.replicasets.records import find_version, set_journal
from workbench.replicasets.rights import own_set
from workbench.replicasets.values import Caller, ReplicaSet
from workbench.replicasets.world import World

# What one request may move, and how long it may take.
MOST_BYTES = 16 << 30
LONGEST_SECONDS = 3600.0
# What stays free where disks are kept.
_LEFT_FREE = 256 << 20
# What podman would unpack before it reads the archive: gzip, bzip2, xz, zstd.
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class Files:
    """An archive: iterate over it once; `close` ends it, from any thread. Too much, or too long, raises Exhausted."""

    def __init__(self, stream: FileStream, most: int = MOST_BYTES) -> None:
        self._stream, self._most = stream, most

    def __iter__(self) -> Iterator[bytes]:
        """Yield its pieces."""
        try:
            yield from _limited(self._stream, self._most, "one request moves")
        finally:
            self.close()

    def close(self) -> None:
        """End it."""
        self._stream.close()


def kind(world: World, name: str, path: str, caller: Caller) -> FileKind:
    """See ReplicaSets.file_kind."""
    found = _own(world, name, path, caller)
    copying = require(world.engine, CopyingFiles)
    return copying.file_kind(_running(world, found).id, path)


def files(world: World, name: str, path: str, caller: Caller) -> Files:
    """See ReplicaSets.files."""
    found = _own(world, name, path, caller)
    copying = require(world.engine, CopyingFiles)
    container = _running(world, found)
    if copying.file_kind(container.id, path) is FileKind.NONE:
        raise NotFound(f"{name} has nothing at {_short(path)}", hint="a path inside, from the root on")
    return Files(copying.files(container.id, path))


def add_files(world: World, name: str, folder: str, pieces: Iterable[bytes], caller: Caller) -> int:
    """See ReplicaSets.add_files."""
    found = _own(world, name, folder, caller)
    copying = require(world.engine, CopyingFiles)
    container = _running(world, found)
    if world.store.get(set_journal(name)) is not None:
        raise Conflict(f"{name} is being changed", hint="copy again when that is done")
    if copying.file_kind(container.id, folder) is not FileKind.FOLDER:
        raise NotFound(f"{name} has no folder {_short(folder)}", hint=f"`rs exec {name} -- mkdir -p …` makes one")
    measuring = world.engine.capability(MeasuringDisks)
    free = max(measuring.free_bytes() - _LEFT_FREE, 0) if measuring is not None else MOST_BYTES
    counted = Counted(_limited(_plain(pieces), min(MOST_BYTES, free), "there is room for"))
    copying.add_files(container.id, folder, counted)
    # What is copied while a version is replaced may be in neither.
    current = own_set(world.store, name, caller)
    if (current.id, current.current) != (found.id, found.current):
        raise Conflict(f"{name} was changed meanwhile", hint="copy again")
    return counted.bytes


class Counted:
    """Pieces, and how many bytes of them were taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self.bytes = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield them."""
        for piece in self._pieces:
            self.bytes += len(piece)
            yield piece


def _own(world: World, name: str, path: str, caller: Caller) -> ReplicaSet:
    checks.set_name(name)
    if not path.startswith("/") or "\x00" in path or len(path.encode(errors="replace")) > 4096:
        raise Invalid(f"{_short(path)} is no path inside", hint="an absolute path: /opt/app-root/src")
    return own_set(world.store, name, caller)


def _running(world: World, found: ReplicaSet) -> Container:
    container = containers.find(world, find_version(world.store, found, found.current))
    if container.state != "running":
        raise Conflict(
            f"{found.name} is not running: its container is {container.state}",
            hint=f"`rs continue` or `rs restart {found.name}`",
        )
    return container


def _limited(pieces: Iterable[bytes], most: int, what: str) -> Iterator[bytes]:
    until, left = time.monotonic() + LONGEST_SECONDS, most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise Exhausted(f"the archive is larger than {about(most)}", hint=f"copy less at once: {what} so much")
        if time.monotonic() > until:
            raise Exhausted(f"copying takes longer than {LONGEST_SECONDS / 60:g} minutes", hint="copy it in parts")
        yield piece


def _plain(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of an archive that is not compressed; raises Invalid for what is."""
    head = b""
    for piece in pieces:
        if len(head) < 262:
            head += piece
            if len(head) < 262:
                continue
            if head.startswith(_COMPRESSED) or head[257:262] != b"ustar":
                break
            yield head
        else:
            yield piece
    else:
        if len(head) >= 262:
            return
    raise Invalid("the body is no tar archive", hint="send it uncompressed: tar --create --file=-")


def _short(path: str) -> str:
    return repr(path[:200])
