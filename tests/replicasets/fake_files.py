"""The part of the fake engine that is about what containers wrote and what is on their disks."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.replicasets.call_faults import Faults, faulty
from workbench.replicasets.engines.capabilities import FileKind
from workbench.replicasets.engines.disk_capabilities import Change, DiskName
from workbench.replicasets.errors import EngineError, EngineGone

Disk = dict[str, str]


@dataclass
class Written:
    """What a container wrote: each line."""

    lines: list[str]

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for line in self.lines:
            yield 1, f"{line}\r\n".encode()

    def close(self) -> None:
        pass


@dataclass
class Sent:
    """An archive."""

    pieces: list[bytes]

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    def close(self) -> None:
        pass


class FakeFiles:
    """What the fake engine does with the disks of its containers, and with its images' (`stored`)."""

    faults: Faults
    standing: dict[str, Any]
    stored: dict[str, tuple[str, Disk, dict[str, str], int]]

    def refused(self) -> Exception:
        return EngineError("the fake engine refuses")

    def gone(self) -> Exception:
        return EngineGone("the fake engine is gone")

    def logs(self, name: str, *, tail: int, since: float = 0.0, follow: bool = False) -> Written:
        return Written(list(self._by_id(name).lines[-tail:]) if tail else [])

    def file_kind(self, name: str, path: str) -> FileKind:
        disk = self._by_id(name).disk
        folder = any(each.startswith(f"{path.rstrip('/')}/") for each in disk)
        return FileKind.FILE if path in disk else FileKind.FOLDER if folder else FileKind.NONE

    @faulty
    def files(self, name: str, path: str) -> Sent:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for each, text in self._by_id(name).disk.items():
                if f"{each}/".startswith(f"{path}/"):
                    entry = tarfile.TarInfo(os.path.relpath(each, os.path.dirname(path)))
                    entry.size = len(text.encode())
                    tar.addfile(entry, io.BytesIO(text.encode()))
        return Sent([packed.getvalue()])

    @faulty
    def add_files(self, name: str, folder: str, pieces: Iterable[bytes]) -> None:
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                if content is not None:
                    self._by_id(name).disk[f"{folder.rstrip('/')}/{entry.name}"] = content.read().decode()

    def compare(self, old: DiskName, new: DiskName) -> list[Change]:
        one, other = (self._disk(each) for each in (old, new))
        return [
            Change(path, kind, len(one[path]) if path in one else None, len(other[path]) if path in other else None)
            for path in sorted({*one, *other})
            if (kind := "added" if path not in one else "removed" if path not in other else "changed")
            and one.get(path) != other.get(path)
        ]

    def _disk(self, disk: DiskName) -> Disk:
        if not disk.is_image:
            found: Disk = self._by_id(disk.id).disk
            return found
        return next(each[1] for each in self.stored.values() if each[0] == disk.id)

    def _by_id(self, name: str) -> Any:  # noqa: ANN401  a container of the fake engine
        return next(each for each in self.standing.values() if name in (each.spec.name, each.id))
