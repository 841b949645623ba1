"""Python packages of a container's disk: which of them it changed, and the next image too.

Two versions of one package over each other are none: its files go together, by the list that is installed with it
(packaging.python.org, "Recording installed projects", RECORD; read 2026-11).
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from workbench.files import unfollowed
from workbench.packages import normalized_name
from workbench.replicasets.engines.podman.trees.layers import View
from workbench.replicasets.engines.podman.trees.overlaps import Row
from workbench.replicasets.engines.podman.trees.walking import Tree

_INFO = re.compile(r"(?P<folder>.*(?:site|dist)-packages)/(?P<name>[^/]+?)-(?P<version>[^/-]+)\.dist-info")
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Distribution:
    """A package that is another one in the container than in the old image.

    `was`, `mine` and `now` are its versions, "" for none; `files` those of the container by its list, `of_images` those
    of the old and of the next image; paths from the root.
    """

    folder: str
    name: str
    was: str
    mine: str
    now: str
    files: frozenset[str]
    of_images: frozenset[str]

    @property
    def overlaps(self) -> bool:
        """Whether the next image changed it too."""
        return self.was != self.now

    @property
    def agrees(self) -> bool:
        """Whether the next image has what the container has."""
        return self.mine == self.now

    @property
    def paths(self) -> set[str]:
        """The paths of its files, and of the folders beside other packages in which they are."""
        found = set(self.files | self.of_images)
        for each in list(found):
            while (each := posixpath.dirname(each)) not in found and each.startswith(f"{self.folder}/"):
                found.add(each)
        return found


def distributions(upper: str, rows: Iterable[Row], old: View, new: View) -> list[Distribution]:
    """Return the packages that the container changed, by folder and name."""
    removed: dict[tuple[str, str], set[str]] = defaultdict(set)
    added: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in rows:
        if match := _INFO.fullmatch(row.path):
            key = match["folder"], normalized_name(match["name"])
            if row.is_removed:
                removed[key].add(match["version"])
            elif row.before is None or row.hides:
                added[key][match["version"]] = row.path
    found = []
    for folder, name in sorted(removed.keys() | added.keys()):
        before, after = (_versions(view, folder).get(name, {}) for view in (old, new))
        kept = {version: path for version, path in before.items() if version not in removed[folder, name]}
        mine = kept | added[folder, name]
        if mine.keys() == before.keys():
            continue
        files = {path for info in added[folder, name].values() for path in _own_files(upper, folder, info)}
        images = {path for info in before.values() for path in _files(old, folder, info)}
        images |= {path for info in after.values() for path in _files(new, folder, info)}
        was, own, now = (" ".join(sorted(each)) for each in (before, mine, after))
        found.append(Distribution(folder, name, was, own, now, frozenset(files), frozenset(images)))
    return found


def _versions(view: View, folder: str) -> Mapping[str, dict[str, str]]:
    """Return the packages of a folder: by name, the paths of what is installed with them by version."""
    for each in folder.split("/"):
        view = view.below(each)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name in view.names():
        if match := _INFO.fullmatch(f"{folder}/{name}"):
            found[normalized_name(match["name"])][match["version"]] = f"{folder}/{name}"
    return found


def _files(view: View, folder: str, info: str) -> set[str]:
    found = view.find(f"{info}/RECORD")
    return _listed(found.place, folder, info) if found is not None else {info}


def _own_files(upper: str, folder: str, info: str) -> set[str]:
    with Tree(upper) as tree, suppress(OSError):
        # From folder to folder: whoever runs there may put a link in the place of one.
        for each in info.split("/"):
            tree.down(each)
        return _listed(tree.place("RECORD"), folder, info)
    return {info}


def _listed(record: str, folder: str, info: str) -> set[str]:
    """Return the files that a list names, and the folder that it is in; none of them leads out of the root."""
    try:
        with open(record, encoding="utf-8", errors="surrogateescape", newline="", opener=unfollowed) as file:
            lines = list(csv.reader(file.read(_LARGEST).splitlines()))
    except (OSError, csv.Error):
        return {info}
    paths = {posixpath.normpath(f"{folder}/{line[0]}") for line in lines if line and line[0]}
    return {path for path in paths if not path.startswith(("/", ".."))} | {info}
