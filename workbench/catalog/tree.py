"""A catalogue's folder, read and nothing else: paths relative to it, with `/`, never outside it."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from workbench.errors import WorkbenchError
from workbench.names import python_of_lists


class CatalogueTree:
    """The files below `root`. What was read once is kept, so one run sees one state of them."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._bytes: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}
        self._walks: dict[str, list[str]] = {}
        self._listed: set[str] = set()
        # What `workbench.catalog.views` made of these files, by release.
        self.views: dict[str, Any] = {}

    def place(self, path: str) -> str:
        """Return where the file or folder `path` really is, relative to the root: here, where it is."""
        return path

    def full(self, path: str) -> str:
        """Return the path on this machine of the file or folder `path`."""
        return os.path.join(self.root, self.place(path))

    def folder(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in `path`, each sorted; none if it is absent.

        Raises WorkbenchError for a link that leaves the catalogue and a folder that cannot be read.
        """
        folders: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(os.path.join(self.root, path)) as entries:
                for entry in entries:
                    full = f"{path}/{entry.name}" if path else entry.name
                    if entry.is_symlink():
                        self._refuse_outside(full)
                    self._listed.add(full)
                    (folders if entry.is_dir() else files).append(entry.name)
        except FileNotFoundError:
            return [], []
        except NotADirectoryError:
            raise WorkbenchError("is not a folder", where=path) from None
        except OSError as error:
            raise WorkbenchError(f"cannot be read: {error.strerror}", where=path) from None
        return sorted(folders), sorted(files)

    def walk(self, path: str) -> list[str]:
        """Return every file below `path`, and every empty folder with a `/` at its end, relative to it, sorted.

        The dotfiles at its top are left out.

        The original's copy skipped those too, and they are editors' and version control's. What
        Python leaves beside a module that was run belongs to no catalogue either.
        """
        if path not in self._walks:
            found: list[str] = []
            pending = [""]
            while pending:
                below = pending.pop()
                folders, files = self.folder(f"{path}/{below}".rstrip("/"))
                if below and not folders and not files:
                    found.append(f"{below}/")
                folders = [name for name in folders if name != "__pycache__"]
                if not below:
                    folders, files = ([name for name in names if name[0] != "."] for names in (folders, files))
                prefix = f"{below}/" if below else ""
                found += [prefix + name for name in files]
                pending += [prefix + name for name in folders]
            self._walks[path] = sorted(found)
        return self._walks[path]

    def exists(self, path: str) -> bool:
        """Return whether a file or folder is at `path`."""
        return os.path.exists(self.full(path))

    def executable(self, path: str) -> bool:
        """Return whether the owner may execute the file at `path`; nobody does an empty folder."""
        return not path.endswith("/") and bool(os.stat(self.full(path)).st_mode & 0o100)

    def read(self, path: str) -> bytes:
        """Return the bytes of the file at `path`, none for an empty folder.

        Raises WorkbenchError when it cannot be read.
        """
        if path.endswith("/"):
            return b""
        if path not in self._bytes:
            place = self.place(path)
            if place not in self._listed:
                self._refuse_outside(place)
            try:
                with open(os.path.join(self.root, place), "rb") as file:
                    self._bytes[path] = file.read()
            except OSError as error:
                raise WorkbenchError(f"cannot be read: {error.strerror}", where=place) from None
        return self._bytes[path]

    def text(self, path: str) -> str:
        """Return the text of the file at `path`; raises WorkbenchError when it is not UTF-8."""
        try:
            return self.read(path).decode()
        except UnicodeDecodeError as error:
            line = self._bytes[path].count(b"\n", 0, error.start) + 1
            raise WorkbenchError("is not UTF-8 text", where=f"{self.place(path)}:{line}") from None

    def digest(self, path: str) -> str:
        """Return the sha256 of the file at `path`, in hexadecimal."""
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(self.read(path)).hexdigest()
        return self._digests[path]

    def _refuse_outside(self, path: str) -> None:
        full = os.path.join(self.root, path)
        real = os.path.realpath(full)
        if real != self.root and not real.startswith(self.root + os.sep):
            raise WorkbenchError("is a link that leaves the catalogue", where=path)
        if os.path.islink(full) and not os.path.exists(real):
            raise WorkbenchError("is a link to nothing", where=path)


class OverlayTree(CatalogueTree):
    """The files of a catalogue, where those below `own`/bundles go before those below bundles.

    A bundle is the release's when it has a folder there, and a file in that takes the place of the
    catalogue's. The folder of a Python is taken from there or not at all: the locks of one release
    are never mixed with those of another.
    """

    def __init__(self, root: str, own: str) -> None:
        super().__init__(root)
        self._own = own

    def place(self, path: str) -> str:
        """Return the release's own file or folder where it has one, else the catalogue's."""
        parts = path.split("/")
        if parts[0] != "bundles":
            return path
        own = f"{self._own}/{path}"
        locks = len(parts) > 2 and python_of_lists(parts[2]) is not None
        return own if locks or super().exists(own) else path

    def folder(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in `path` as the release sees them, each sorted."""
        parts = path.split("/")
        if parts[0] != "bundles":
            return super().folder(path)
        folders, files = super().folder(path)
        if len(parts) > 2 and python_of_lists(parts[2]) is not None:
            folders, files = [], []
        elif len(parts) == 1:
            folders = []
        elif len(parts) == 2:
            folders = [name for name in folders if python_of_lists(name) is None]
        own = super().folder(f"{self._own}/{path}")
        return sorted({*folders, *own[0]}), sorted({*files, *own[1]})
