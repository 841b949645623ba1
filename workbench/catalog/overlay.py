"""The catalogue as an open release with locks of its own sees it."""

from __future__ import annotations

from workbench.catalog.tree import Tree
from workbench.names import python_version


class OverlayTree(Tree):
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
        locks = len(parts) > 2 and python_version(parts[2]) is not None
        return own if locks or super().exists(own) else path

    def folder(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in `path` as the release sees them, each sorted."""
        parts = path.split("/")
        if parts[0] != "bundles":
            return super().folder(path)
        folders, files = super().folder(path)
        if len(parts) > 2 and python_version(parts[2]) is not None:
            folders, files = [], []
        elif len(parts) == 1:
            folders = []
        elif len(parts) == 2:
            folders = [name for name in folders if python_version(name) is None]
        own = super().folder(f"{self._own}/{path}")
        return sorted({*folders, *own[0]}), sorted({*files, *own[1]})
