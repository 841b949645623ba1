"""Looking at what is below a prefix without following a link: kind, mode and owner of each name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from workbench.monobase.damage import ACCESS, CHANGED, EXTRA, MISSING, Damage
from workbench.monobase.prefix import Prefix

FOLDER_MODE, FILE_MODE = 0o755, 0o644


@dataclass(frozen=True, slots=True)
class Owners:
    """Who may own what is below a prefix: root, and the owner of the prefix itself."""

    users: frozenset[int]
    groups: frozenset[int]

    @classmethod
    def of(cls, prefix: Prefix) -> Owners:
        """Return those of `prefix`; raises FileNotFoundError when there is none."""
        found = os.stat(prefix.root)
        return cls(frozenset((0, found.st_uid)), frozenset((0, found.st_gid)))

    def allow(self, status: os.stat_result) -> bool:
        """Return whether the owner and the group of a file are allowed."""
        return status.st_uid in self.users and status.st_gid in self.groups


@dataclass(slots=True)
class Inspection:
    """Checks names outside of environments, and collects what is damaged."""

    prefix: Prefix
    owners: Owners
    damage: list[Damage] = field(default_factory=list)

    def report(self, kind: str, path: str) -> None:
        """Report the `path` below the prefix."""
        self.damage.append(Damage(kind, "", path))

    def status(self, path: str) -> os.stat_result | None:
        """Return what is at `path` below the prefix; None for nothing."""
        try:
            return os.lstat(self.prefix.below(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def folder(self, path: str, *, required: bool = False) -> list[str]:
        """Check the folder `path`, and return the names in it, in order; none when it is no folder."""
        found = self.status(path)
        if found is None:
            if required:
                self.report(MISSING, path)
            return []
        if not stat.S_ISDIR(found.st_mode):
            self.report(CHANGED, path)
            return []
        # The bit that a folder takes from the one above gives nobody anything.
        if not self._has_access(found, stat.S_IMODE(found.st_mode) & ~stat.S_ISGID == FOLDER_MODE):
            self.report(ACCESS, path)
        return sorted(os.listdir(self.prefix.below(path)))

    def file(self, path: str, mode: int = FILE_MODE, *, required: bool = False) -> bool:
        """Check the kind, mode and owner of the file `path`; return whether it can be read."""
        found = self.status(path)
        if found is None:
            if required:
                self.report(MISSING, path)
            return False
        if not stat.S_ISREG(found.st_mode):
            self.report(CHANGED, path)
            return False
        if not self._has_access(found, stat.S_IMODE(found.st_mode) == mode):
            self.report(ACCESS, path)
        return True

    def link(self, path: str) -> str:
        """Check the link `path`, and return what it points at; "" when it is none."""
        found = self.status(path)
        if found is None:
            return ""
        if not stat.S_ISLNK(found.st_mode):
            self.report(CHANGED, path)
            return ""
        if not self.owners.allow(found):
            self.report(ACCESS, path)
        return os.readlink(self.prefix.below(path))

    def extra(self, path: str) -> None:
        """Report that nobody installed `path`."""
        self.report(EXTRA, path)

    def _has_access(self, found: os.stat_result, has_mode: bool) -> bool:
        return has_mode and self.owners.allow(found)


def tree_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below `folder` by its path there, folders too."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(folder, below)) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                yield path, entry.stat(follow_symlinks=False)


def files_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file and link below `folder` by its path there; folders do not count."""
    return ((path, status) for path, status in tree_below(folder) if not stat.S_ISDIR(status.st_mode))
