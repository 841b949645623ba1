"""What changed between two versions of a set: files, and the packages that can be told from their files' names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workbench.replicasets import checks, containers
from workbench.replicasets.engines.capabilities import require
from workbench.replicasets.engines.disk_capabilities import Change, ComparingDisks, DiskName
from workbench.replicasets.errors import Invalid, NotFound
from workbench.replicasets.records import find_version
from workbench.replicasets.rights import own_set
from workbench.replicasets.values import Caller, ReplicaSet, Version
from workbench.replicasets.world import World

# The recording of installed packages, version 1.0 (packaging.python.org): NAME-VERSION.dist-info beside the package.
_PYTHON = re.compile(r"(.*/(?:site|dist)-packages)/([^/]+)-([^/-]+)\.(?:dist|egg)-info(?:/.*)?", re.DOTALL)
# dpkg(1): the files of each package that is installed are listed here.
_DEBIAN = re.compile(r"/var/lib/dpkg/info/([^/:]+)(?::[^/]+)?\.list")
_RPM = re.compile(r"(?:/usr/lib/sysimage|/var/lib)/rpm/(?:rpmdb\.sqlite|Packages)")
_RPM_NOTE = "RPM packages were installed, removed or updated: `rpm -qa` in each version lists them"


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package of a kind (python, debian) that was added, removed or changed; versions where they are known."""

    kind: str
    name: str
    change: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one version to another."""

    files: tuple[Change, ...]
    packages: tuple[PackageChange, ...]
    notes: tuple[str, ...]

    def counts(self) -> Counter[str]:
        """Return how many files were added, changed and removed."""
        return Counter(each.kind for each in self.files)

    @property
    def bytes(self) -> int | None:
        """By how many bytes the second has more, None when the engine's disks cannot be read from here."""
        sizes = [(each.before, each.after) for each in self.files]
        if self.files and all(size is None for both in sizes for size in both):
            return None
        return sum((after or 0) - (before or 0) for before, after in sizes)


def compare(world: World, name: str, old: int, new: int, caller: Caller) -> Comparison:
    """See ReplicaSets.compare."""
    checks.set_name(name)
    if old == new:
        raise Invalid("these are the same version", hint=f"`rs history {name}` shows all of them")
    found = own_set(world.store, name, caller)
    comparing = require(world.engine, ComparingDisks)
    one, other = (_disk(world, found, number) for number in (old, new))
    files = tuple(comparing.compare(one, other))
    notes = (_RPM_NOTE,) if any(_RPM.fullmatch(each.path) for each in files) else ()
    return Comparison(files, tuple(packages(files)), notes)


def _disk(world: World, found: ReplicaSet, number: int) -> DiskName:
    version = find_version(world.store, found, number)
    container = containers.look_up(world, version)
    if container is not None:
        return DiskName(container.id)
    image = world.engine.image(version.disk) if version.disk else None
    if image is None:
        raise NotFound(_why_gone(version), hint=f"`rs history {found.name}` shows the versions")
    return DiskName(image.id, is_image=True)


def _why_gone(version: Version) -> str:
    return f"the disk of version {version.number} of {version.set} no longer exists in the engine"


def packages(files: Iterable[Change]) -> Iterator[PackageChange]:
    """Yield the packages that were added, removed or changed, by kind and name."""
    python: dict[tuple[str, str], dict[str, str]] = {}
    debian: dict[str, str] = {}
    for each in files:
        if match := _PYTHON.fullmatch(each.path):
            versions = python.setdefault((match[1], match[2]), {})
            # Of a version that stays, files may be changed: then it is on neither side.
            if each.kind != "changed":
                versions.setdefault(each.kind, match[3])
        elif match := _DEBIAN.fullmatch(each.path):
            debian[match[1]] = each.kind
    for (_, name), versions in sorted(python.items(), key=lambda item: (item[0][1].lower(), item[0][0])):
        before, after = versions.get("removed", ""), versions.get("added", "")
        if before != after:
            kind = "changed" if before and after else "added" if after else "removed"
            yield PackageChange("python", name, kind, before, after)
    for name, kind in sorted(debian.items()):
        yield PackageChange("debian", name, kind)
