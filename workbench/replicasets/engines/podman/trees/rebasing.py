"""Giving what a container changed on its image to a container of another image.

What only one of the two changed is taken as it is. Where both changed a path, or a Python package, one of them stands:
`mine` is the container's, with the image's file beside it, `image` is the next image's.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.replicasets.engines.podman.trees.copying import copy_tree
from workbench.replicasets.engines.podman.trees.distributions import Distribution, distributions
from workbench.replicasets.engines.podman.trees.layers import View
from workbench.replicasets.engines.podman.trees.overlaps import Row, rows
from workbench.replicasets.errors import EngineError

MINE, IMAGE = "mine", "image"
_CACHE = "__pycache__"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Merge:
    """What is to be done with the rows of a layer: those that are left out, and of the image what is hidden.

    `paths` and `packages` are what both changed, each in its way; `shadowed` packages that the container alone changed,
    and that the image has in another version.
    """

    rows: tuple[Row, ...]
    paths: tuple[Row, ...]
    packages: tuple[Distribution, ...]
    shadowed: tuple[Distribution, ...]
    dropped: frozenset[str]
    hidden: frozenset[str]


def merge(upper: str, old: View, new: View, keep: str) -> Merge:
    """Return how the layer `upper` comes on the image `new`, where both changed something by `keep`."""
    every = {row.path: row for row in rows(upper, old, new)}
    changed = distributions(upper, every.values(), old, new)
    packages = [each for each in changed if each.overlaps]
    owned = {path for package in packages for path in package.paths}
    paths = [row for row in every.values() if row.overlaps and row.path not in owned and not _derived(row)]
    dropped = {row.path for row in every.values() if _is_void(row)}
    hidden: set[str] = set()
    if keep == IMAGE:
        dropped |= {row.path for row in paths}
    for package in packages:
        if package.agrees or keep == IMAGE:
            dropped |= _files_of(package, every.values())
        else:
            hidden |= package.of_images - package.files
    sources = {row.path for row in every.values() if row.mine == "file"} - dropped
    for row in every.values():
        if _derived(row):
            if row.mine == "file" and _source(row.path) in sources:
                continue
            if row.moved or row.now is None or _source(row.path) in dropped:
                dropped.add(row.path)
        elif row.path in sources and row.moved:
            # A compiled file that is not checked against its source would be run in its place.
            hidden |= set(row.bytecode)
    return Merge(
        tuple(every.values()),
        tuple(paths),
        tuple(each for each in packages if not each.agrees),
        tuple(each for each in changed if not each.overlaps and each.now),
        frozenset(dropped),
        frozenset(path for path in hidden - every.keys() if new.find(path) and not _is_hidden(path, every, hidden)),
    )


def overlaps(upper: str, old: str, new: str) -> dict[str, list[dict[str, str]]]:
    """Return the paths and the packages that a container and its next image both changed, and the shadowed ones.

    `old` and `new` are the folders of the images' layers in JSON, the upper one first. Raises EngineError.
    """
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            found = merge(upper, _view(old), _view(new), MINE)
            break
        except OSError as error:
            # The set runs, and removes files while they are read.
            if last:
                what = error.strerror or str(error)
                raise EngineError(f"the disk changes while it is read: {what}", hint="stop the set first") from None
    paths = [{"path": f"/{row.path}", "mine": row.change, "image": row.change_of_image} for row in found.paths]
    packages, shadowed = ([_shown(each) for each in listed] for listed in (found.packages, found.shadowed))
    return {"paths": paths, "packages": packages, "shadowed": shadowed}


def _shown(package: Distribution) -> dict[str, str]:
    return {name: getattr(package, name) for name in ("folder", "name", "was", "mine", "now")}


def rebase(source: str, target: str, old: str, new: str, keep: str) -> None:
    """Replace the content of the layer `target`, of the image `new`, by what `source` changed on the image `old`.

    With `keep` "" nothing may have been changed by both. Raises EngineError.
    """
    next_image = _view(new)
    try:
        found = merge(source, _view(old), next_image, keep or MINE)
        if not keep and (found.paths or found.packages):
            raise EngineError("the image and the set both changed something meanwhile", 409)
        copy_tree(source, target)
        _apply(target, found, next_image)
    except OSError as error:
        what = error.strerror or str(error)
        raise EngineError(f"the system disk could not be copied: {what}", hint="is the engine's disk full?") from None


def _apply(target: str, found: Merge, new: View) -> None:
    for row in found.rows:
        if row.is_folder and row.is_old and row.now is not None and row.now.is_folder:
            _like(f"{target}/{row.path}", row.now.status)
    for path in sorted(found.dropped, reverse=True):
        _remove(f"{target}/{path}")
    for path in sorted(found.dropped, reverse=True):
        _remove_empty(target, os.path.dirname(path), new)
    for path in sorted(found.hidden):
        _above(target, path, new)
        os.mknod(f"{target}/{path}", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    for row in found.paths:
        is_file = row.now is not None and stat.S_ISREG(row.now.status.st_mode)
        if row.path not in found.dropped and row.now is not None and is_file and row.mine == "file":
            beside = _free(f"{target}/{row.path}.image")
            shutil.copy2(row.now.place, beside, follow_symlinks=False)
            _like(beside, row.now.status)


def _like(path: str, status: os.stat_result) -> None:
    os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
    os.chmod(path, stat.S_IMODE(status.st_mode))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _remove_empty(target: str, path: str, new: View) -> None:
    """Remove a folder and those above it as far as nothing is left in them: one may hide the image's."""
    while path and os.path.isdir(f"{target}/{path}") and not os.listdir(f"{target}/{path}"):
        if (found := new.find(path)) is None or not found.is_folder:
            return
        os.rmdir(f"{target}/{path}")
        path = os.path.dirname(path)


def _above(target: str, path: str, new: View) -> None:
    """Make the folders above a path, as the image has them."""
    folder = ""
    for each in path.split("/")[:-1]:
        folder = f"{folder}/{each}".lstrip("/")
        found = new.find(folder)
        if found is not None and not os.path.lexists(f"{target}/{folder}"):
            os.mkdir(f"{target}/{folder}")
            _like(f"{target}/{folder}", found.status)


def _free(path: str) -> str:
    number, free = 1, path
    while os.path.lexists(free):
        number, free = number + 1, f"{path}{number}"
    return free


def _files_of(package: Distribution, every: Iterable[Row]) -> set[str]:
    """Return the paths of a layer that are files of a package, or mark the deletion of a folder of it."""
    files, folders = package.files | package.of_images, package.paths
    return {row.path for row in every if row.path in files or (row.is_removed and row.path in folders)}


def _is_void(row: Row) -> bool:
    """Return whether a path of a layer is no change: it removes what is not there, or was written as it had been."""
    return (row.is_removed and row.now is None) or (row.is_old and not row.is_folder)


def _derived(row: Row) -> bool:
    folder, _, name = row.path.rpartition("/")
    return name.endswith(".pyc") and (folder == _CACHE or folder.endswith(f"/{_CACHE}"))


def _source(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder.removesuffix(_CACHE)}{name.partition('.')[0]}.py"


def _is_hidden(path: str, every: dict[str, Row], hidden: set[str]) -> bool:
    """Return whether the image's folder in which a path is cannot be seen, or will not be."""
    while path := os.path.dirname(path):
        row = every.get(path)
        if path in hidden or (row is not None and (row.hides or not row.is_folder)):
            return True
    return False


def _view(layers: str) -> View:
    return View(tuple(json.loads(layers)))
