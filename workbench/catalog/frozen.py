"""The catalogue as a frozen release sees it: its own folder, file for file what was frozen."""

from __future__ import annotations

import hashlib

from workbench.catalog.record import Record, read_record
from workbench.catalog.releases import SUMS
from workbench.catalog.tree import Tree
from workbench.errors import WorkbenchError

HINT = "take it back from version control; what is meant to change goes into another release"


class FrozenTree(Tree):
    """The files of a frozen release in `own`, by their paths in the catalogue.

    What is there is what the record lists, whatever else lies in the folder; and a file is read
    only as it was frozen.
    """

    def __init__(self, root: str, own: str) -> None:
        super().__init__(root)
        self._own = own
        path = f"{own}/{SUMS}"
        self.record: Record = read_record(Tree(root).text(path), path)
        self._names: dict[str, tuple[set[str], set[str]]] = {}
        for file in self.record.sums:
            above, _, name = file.rpartition("/")
            self._names.setdefault(above, (set(), set()))[1].add(name)
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
        return path in self.record.sums or path in self._names

    def executable(self, path: str) -> bool:
        """Return whether the file at `path` could be executed when it was frozen."""
        return path in self.record.executables

    def read(self, path: str) -> bytes:
        """Return the bytes of the file at `path`; raises WorkbenchError when they are not those that were frozen."""
        known = path in self._bytes
        data = super().read(path)
        if not known and hashlib.sha256(data).hexdigest() != self.record.sums.get(path):
            del self._bytes[path]
            raise WorkbenchError("is not as it was frozen", where=self.place(path), hint=HINT)
        return data
