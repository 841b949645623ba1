"""The form of a mirror: store files in packs, and the documents that name them. Everything is named by a digest.

    lists/<sha256>              the records of all packages that were published at once, and the locks of cogs
    records/ab/<sha256>.gz      what one package puts into an environment, and the packs that have its files
    packs/ab/<digest>.gz        the contents of store files, one after the other

Who knows the digest of a list can check all else. A list and a record have the sha256 of their own text as their name.
A pack has the digest of its table (the store's entry and the size of each file), and an entry is a sha256 in turn: so
the name does not depend on how a pack was compressed, and two publishers make the same one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workbench.monobase.store import is_entry
from workbench.monobase.wheels import is_inside, is_key

# A file of that size is alone in its pack, so that packages which share it (one for each Python) name the same pack.
LARGE = 256 * 2**10
_FORM = "monobase-list 1"
_COG = re.compile(r"g[0-9a-f]{8}/cog[A-Za-z0-9._-]*-python3\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Pack:
    """Store files that are fetched together: the size of each by its entry, in the order of their contents."""

    sizes: Mapping[str, int]

    @property
    def name(self) -> str:
        """The digest of its table."""
        return _sha256("".join(f"{entry} {size}\n" for entry, size in self.sizes.items()))

    @property
    def path(self) -> str:
        """Where it is in a mirror."""
        return f"packs/{self.name[:2]}/{self.name}.gz"

    @property
    def size(self) -> int:
        """How many bytes its files have together."""
        return sum(self.sizes.values())


@dataclass(frozen=True, slots=True)
class PublishedRecord:
    """What a package puts into an environment: the store's entry of every file by its path, and the packs of those."""

    files: Mapping[str, str]
    packs: tuple[Pack, ...]

    def text(self) -> str:
        """Return it as it is published: the same text for the same files."""
        data = {"files": dict(sorted(self.files.items())), "packs": [list(pack.sizes.items()) for pack in self.packs]}
        return json.dumps(data, indent=0, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class PublishedList:
    """What was published at once.

    `records` has the sha256 of each package's record by its key, `cogs` the lock of each cog by the place of its
    environment, as its entry in the store and its size; `generations` are the digests of those that it fills.
    """

    records: Mapping[str, str]
    cogs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    generations: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as it is published: the same text for the same packages."""
        lines = [_FORM, *(f"generation {name} {digest}" for name, digest in sorted(self.generations.items()))]
        lines += [f"cog {place} {entry} {size}" for place, (entry, size) in sorted(self.cogs.items())]
        lines += [f"record {key} {digest}" for key, digest in sorted(self.records.items())]
        return "".join(f"{line}\n" for line in lines)


def list_path(digest: str) -> str:
    """Return where the list of that sha256 is in a mirror."""
    return f"lists/{digest}"


def record_path(digest: str) -> str:
    """Return where the record of that sha256 is in a mirror."""
    return f"records/{digest[:2]}/{digest}.gz"


def packs_of(files: Mapping[str, str], sizes: Mapping[str, int]) -> tuple[Pack, ...]:
    """Return the packs of a package's `files` (entries by path), whose `sizes` are known by entry.

    Large files are alone; the small ones are two packs, because bytecode differs where the others do not: with Python.
    """
    compiled = {entry for path, entry in files.items() if path.endswith(".pyc")}
    small = [entry for entry in sorted(set(files.values())) if sizes[entry] < LARGE]
    groups = [[entry] for entry in sorted(set(files.values())) if sizes[entry] >= LARGE]
    groups += [[one for one in small if one not in compiled], [one for one in small if one in compiled]]
    return tuple(Pack({entry: sizes[entry] for entry in group}) for group in groups if group)


def parse_list(text: str) -> PublishedList:
    """Return the list of this text; raises ValueError when it is none."""
    form, *lines = text.splitlines()
    if form != _FORM:
        raise ValueError("not a list of this form")
    words = [line.split(" ") for line in lines]
    records = {key: digest for kind, key, digest in (row for row in words if row[0] == "record")}
    cogs = {place: (entry, int(size)) for _, place, entry, size in (row for row in words if row[0] == "cog")}
    generations = {name: digest for kind, name, digest in (row for row in words if row[0] == "generation")}
    if not all(map(is_key, (*records, *records.values()))):
        raise ValueError("a record's name is no digest")
    for place, (entry, size) in cogs.items():
        if not _COG.fullmatch(place) or not is_entry(entry) or size < 0:
            raise ValueError(f"not a cog's lock: {place}")
    return PublishedList(records, cogs, generations)


def parse_record(text: str) -> PublishedRecord:
    """Return the record of this text; raises ValueError, KeyError or TypeError when it is none.

    No path of it leaves the environment, and its packs have every file.
    """
    data = json.loads(text)
    files = {str(path): str(entry) for path, entry in data["files"].items()}
    packs = tuple(Pack({str(entry): int(size) for entry, size in table}) for table in data["packs"])
    _check(files, packs)
    return PublishedRecord(files, packs)


def _check(files: Mapping[str, str], packs: Iterable[Pack]) -> None:
    sizes = {entry: size for pack in packs for entry, size in pack.sizes.items()}
    if not all(map(is_inside, files)) or not all(map(is_entry, sizes)) or any(size < 0 for size in sizes.values()):
        raise ValueError("it names what no package installs")
    if set(files.values()) != set(sizes):
        raise ValueError("its packs are not of its files")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
