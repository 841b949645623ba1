"""A frozen release: the record of its folder, and the catalogue as it sees it, file for file what was frozen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workbench.catalog.releases import SUMS
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Release
from workbench.commands import here
from workbench.errors import WorkbenchError

HINT = "take it back from version control; what is meant to change goes into another release"
# A copy of the release file as it was frozen, beside the record.
RELEASE_FILE = "release.toml"
_EXECUTABLE = "# executable "
_FOLDER = "# empty folder "
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


@dataclass(frozen=True, slots=True)
class Record:
    """The sha256 of every file of the folder, by path in it, which of them may be executed, and its empty folders."""

    sums: Mapping[str, str]
    executables: frozenset[str]
    folders: frozenset[str] = frozenset()


def record_text(sums: Mapping[str, str], executables: Collection[str], folders: Collection[str] = ()) -> str:
    """Return the text of the record: what may be executed, and empty `folders` (each with a `/` at its end).

    Both are comments, which sha256sum passes over.
    """
    lines = [f"{_EXECUTABLE}{path}\n" for path in sorted(executables)]
    lines += [f"{_FOLDER}{path}\n" for path in sorted(folders)]
    return "".join([*lines, *(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))])


def read_record(text: str, where: str) -> Record:
    """Return the record in `text`, which was read from `where`; raises WorkbenchError with the line that is none."""
    sums, executables, folders = {}, [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_EXECUTABLE):
            executables.append(line.removeprefix(_EXECUTABLE))
        elif line.startswith(_FOLDER):
            folders.append(line.removeprefix(_FOLDER))
        elif match := _LINE.fullmatch(line):
            sums[match[2]] = match[1]
        else:
            raise WorkbenchError("is not a line of sha256sum", where=f"{where}:{number}")
    return Record(sums, frozenset(executables), frozenset(folders))


def record_digest(data: bytes) -> str:
    """Return the digest of a record, as the release file has it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def check_record(tree: CatalogueTree, release: Release) -> None:
    """Raise WorkbenchError unless the record of the frozen `release` is the one that its file names.

    Whoever changes a file of the folder and its digest in the record has to change the release file too, where it is
    seen.
    """
    path = f"{release.own}/{SUMS}"
    if not release.record:
        raise WorkbenchError(
            "has no record: the digest of its SHA256SUMS is missing",
            where=release.path,
            hint=f"`{here(f'release freeze {release.name}')}` writes it",
        )
    if record_digest(tree.read(path)) not in release.record:
        raise WorkbenchError(f"is not the record that {release.path} names", where=path, hint=HINT)


class FrozenTree(CatalogueTree):
    """The files of a frozen release in `own`, by their paths in the catalogue.

    What is there is what the record lists, whatever else lies in the folder; and a file is read
    only as it was frozen.
    """

    def __init__(self, root: str, own: str) -> None:
        super().__init__(root)
        self._own = own
        path = f"{own}/{SUMS}"
        self.record: Record = read_record(CatalogueTree(root).text(path), path)
        self._names: dict[str, tuple[set[str], set[str]]] = {}
        for file in (*self.record.sums, *self.record.folders):
            above, _, name = file.rpartition("/")
            self._names.setdefault(above, (set(), set()))[1].update([name] if name else [])
            while above:
                above, _, name = above.rpartition("/")
                self._names.setdefault(above, (set(), set()))[0].add(name)

    def place(self, path: str) -> str:
        """Return where the file or folder `path` is: in the folder of the release."""
        return f"{self._own}/{path}"

    def folder(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in `path` when it was frozen, each sorted."""
        folders, files = self._names.get(path, ((), ()))
        return sorted(folders), sorted(files)

    def exists(self, path: str) -> bool:
        """Return whether a file or folder was at `path` when it was frozen."""
        return path in self.record.sums or path.rstrip("/") in self._names

    def executable(self, path: str) -> bool:
        """Return whether the file at `path` could be executed when it was frozen."""
        return path in self.record.executables

    def read(self, path: str) -> bytes:
        """Return the bytes of the file at `path`; raises WorkbenchError when they are not those that were frozen."""
        if path.endswith("/"):
            return b""
        known = path in self._bytes
        data = super().read(path)
        if not known and hashlib.sha256(data).hexdigest() != self.record.sums.get(path):
            del self._bytes[path]
            raise WorkbenchError("is not as it was frozen", where=self.place(path), hint=HINT)
        return data
