"""One mirror, a folder or an HTTP server with packed store files: what it sends is used only if its digest is right.

The digest of the list comes with the mirror's address; each thing below is held against the digest that the one above
names for it. So nothing of a mirror has to be believed: neither who runs it nor how it was carried here.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import zlib
from dataclasses import dataclass

from workbench.errors import UsageError
from workbench.monobase.packs import Pack, PublishedList, PublishedRecord, list_path, parse_list, parse_record
from workbench.monobase.packs import record_path as path_of_record
from workbench.monobase.prefix import Prefix, staged
from workbench.monobase.sources import MirrorError, Readable, Source
from workbench.monobase.store import FileStore

_ADDRESS = re.compile(r"(?P<location>.+)@sha256:(?P<digest>[0-9a-f]{64})")
# The record of the largest wheels (CUDA, 20,000 files) has 5 MB; whatever is larger than this is none.
_LARGEST_TEXT = 64 * 2**20
_CHUNK = 256 * 2**10
# zlib's number for the gzip format, whatever the size of its window.
_GZIP = 47


@dataclass(frozen=True, slots=True)
class MirrorAddress:
    """Where a mirror is, a folder or an http(s) address, and the sha256 of the list that is taken from it."""

    location: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> MirrorAddress:
        """Return the address `LOCATION@sha256:DIGEST`, as `publish` prints it; raises UsageError."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            hint = "write LOCATION@sha256:DIGEST: a folder or an http address, and the digest that `publish` prints"
            raise UsageError(f"{text!r} is not the address of a mirror", hint=hint)
        return cls(match["location"], match["digest"])


class Mirror:
    """Reads one mirror, for several threads. What cannot be had, or has another digest, is a MirrorError."""

    def __init__(self, address: MirrorAddress) -> None:
        self.address = address
        self._source = Source(address.location)
        self._list: PublishedList | None = None
        self._lock = threading.Lock()
        self._packs: dict[str, threading.Lock] = {}

    @property
    def fetched(self) -> int:
        """How many bytes it sent."""
        return self._source.fetched

    def list(self) -> PublishedList:
        """Return what was published there."""
        with self._lock:
            if self._list is None:
                path, digest = list_path(self.address.digest), self.address.digest
                try:
                    self._list = parse_list(self._source.retried(lambda: self._text(path, digest, zipped=False)))
                except (ValueError, MirrorError) as error:
                    # Without its list nothing can be taken from it.
                    text = error.message if isinstance(error, MirrorError) else f"its list cannot be read: {error}"
                    useless = MirrorError(text, where=self.address.location)
                    self._source.give_up(useless)
                    raise useless from None
            return self._list

    def record(self, digest: str) -> PublishedRecord:
        """Return the record of that sha256."""
        path = path_of_record(digest)
        text = self._source.retried(lambda: self._text(path, digest, zipped=True))
        try:
            return parse_record(text)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MirrorError(f"{path} is no record: {error}", where=self.address.location) from None

    def fetch(self, pack: Pack, prefix: Prefix, store: FileStore) -> None:
        """Take those files of `pack` into the store that it lacks, each only if it has its digest."""
        with self._lock:
            lock = self._packs.setdefault(pack.name, threading.Lock())
        with lock:
            if not all(map(store.is_whole, pack.sizes)):
                self._source.retried(lambda: self._unpack(pack, prefix, store))

    def _unpack(self, pack: Pack, prefix: Prefix, store: FileStore) -> None:
        with staged(prefix, "pack") as folder, self._source.open(pack.path, pack.size) as stream:
            inflated = _Inflated(stream, pack.path, self.address.location)
            for entry, size in pack.sizes.items():
                file = os.path.join(folder, entry)
                if _copy(inflated, size, file) != entry.removesuffix("-x"):
                    raise MirrorError(f"{pack.path} has another {entry}", where=self.address.location)
                # What the store has keeps its inode: environments share it.
                if not store.is_whole(entry):
                    store.replace(entry, file)
                os.unlink(file)

    def _text(self, path: str, digest: str, *, zipped: bool) -> str:
        data = bytearray()
        with self._source.open(path) as stream:
            source = _Inflated(stream, path, self.address.location) if zipped else stream
            while (part := source.read(_CHUNK)) and len(data) <= _LARGEST_TEXT:
                data += part
        if hashlib.sha256(data).hexdigest() != digest:
            raise MirrorError(f"{path} has another digest", where=self.address.location)
        return data.decode(errors="surrogateescape")


class _Inflated:
    """Reads what was compressed, never more at once than is wanted: a small file may become a large one."""

    def __init__(self, stream: Readable, path: str, location: str) -> None:
        self._stream, self._path, self._location = stream, path, location
        self._inflater = zlib.decompressobj(_GZIP)
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end; raises MirrorError when it is damaged or ends too early."""
        try:
            while not self._inflater.eof:
                data = self._rest or self._stream.read(_CHUNK)
                part = self._inflater.decompress(data, size)
                self._rest = self._inflater.unconsumed_tail
                if part:
                    return part
                if not data:
                    raise MirrorError(f"{self._path} ends too early", where=self._location)
        except zlib.error as error:
            raise MirrorError(f"{self._path} is damaged: {error}", where=self._location) from None
        return b""


def _copy(stream: Readable, size: int, file: str) -> str:
    """Write the next `size` bytes to `file`, and return their sha256; there may be fewer."""
    found = hashlib.sha256()
    with open(file, "wb") as opened:
        while size and (part := stream.read(min(size, _CHUNK))):
            found.update(part)
            opened.write(part)
            size -= len(part)
    return found.hexdigest()
