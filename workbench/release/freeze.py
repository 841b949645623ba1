"""Freezing a release: from then on it is what its folder holds, whatever becomes of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from workbench.catalog.faults import Faults
from workbench.catalog.frozen import RELEASE_FILE, check_record, record_digest
from workbench.catalog.releases import FROZEN, RETIRED, SUMS
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue, Release
from workbench.catalog.views import at_release, faults_for
from workbench.commands import here
from workbench.compose.recipe import RecipeFile
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.lock.folders import lock_folders
from workbench.lock.pipenv import LOCK
from workbench.lock.pipfile import merged
from workbench.names import with_tag
from workbench.release.consistent import lock_faults
from workbench.release.folder import frozen_paths, read_files, write_frozen
from workbench.release.kept import kept_tables
from workbench.release.pins import pins_in, promise_path, promise_text
from workbench.release.text import with_value, without_value

# Returns the digest of an image, such as sha256:…, and raises WorkbenchError when its registry has none.
Resolve = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class FreezeReport:
    """What freezing did: how many files and locks were frozen, digests of root images by name, and notes."""

    files: int
    locks: int
    digests: Mapping[str, str]
    notes: tuple[str, ...]


def freeze(catalogue: Catalogue, name: str, resolve: Resolve | None) -> FreezeReport:
    """Freeze the release `name`, and record it in its file.

    Its folder is put in place in one step, and that step is the freezing: interrupted before, all is
    as it was; after, the release is frozen, and freezing it again only corrects its file.
    Without `resolve` no registry is queried. Raises FaultsError when a lock is not current, and
    WorkbenchError for a release that is retired or frozen.
    """
    release = catalogue.release(name)
    if release.state == RETIRED:
        raise WorkbenchError(f"release {name} is retired", where=release.path)
    path = os.path.join(catalogue.tree.root, release.path)
    text = catalogue.tree.text(release.path)
    if release.state == FROZEN:
        if release.record:
            check_record(catalogue.tree, release)
        record = record_digest(catalogue.tree.read(f"{release.own}/{SUMS}"))
        corrected = with_value(with_value(text, ("state",), FROZEN), ("record",), record)
        if corrected == text:
            raise WorkbenchError(
                f"release {name} is frozen", where=release.own, hint=f"`{here(f'release check {name}')}` checks it"
            )
        write_whole(path, corrected)
        return FreezeReport(0, 0, {}, ("it was frozen already, and its file records that now",))
    seen = at_release(catalogue, name)
    faults = Faults()
    faults.found += faults_for(seen, release)
    faults.raise_if_any(f"release {name}")
    view = seen.tree
    files = read_files(view, frozen_paths(view, release))
    locks = _promises(view, release, files)
    digests, notes = _digests(release, resolve)
    for image, digest in digests.items():
        for os_name, system in release.systems.items():
            if system.image == image:
                text = with_value(text, ("os", os_name, "digest"), digest)
    # A freezing that was interrupted left the digest of its record there.
    frozen_text = with_value(without_value(text, "record"), ("state",), FROZEN)
    files[RELEASE_FILE] = RecipeFile(frozen_text.encode(), False, release.path)
    files.update(kept_tables(catalogue.tree))
    own_text = with_value(without_value(catalogue.tree.text(release.path), "record"), ("state",), FROZEN)
    write_frozen(catalogue.tree, replace(release, record=()), {**files, **locks}, own_text)
    return FreezeReport(len(files) + len(locks), len(locks), digests, notes)


def _promises(tree: CatalogueTree, release: Release, files: Mapping[str, RecipeFile]) -> dict[str, RecipeFile]:
    """Return the promise of every lock among `files`, by path; a lock that is not current is a fault."""
    faults, found = Faults(), {}
    above = lock_folders(tree)
    for path in files:
        folder, _, file = path.rpartition("/")
        if file != LOCK:
            continue
        inside = {name.removeprefix(f"{folder}/"): f.data for name, f in files.items() if name.startswith(f"{folder}/")}
        pipfile = merged([tree.full(each) for each in [*above.get(folder, ()), folder]])
        for where, message in lock_faults(inside, pipfile):
            faults.add(tree.place(f"{folder}/{where}"), message)
        promise = promise_text(pins_in(files[path].data, path))
        found[promise_path(folder)] = RecipeFile(promise.encode(), False, "")
    faults.raise_if_any(f"release {release.name} cannot be frozen: it")
    return found


def _digests(release: Release, resolve: Resolve | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the digests of the release's root images as far as they can be found, and why others cannot."""
    digests, notes = {}, []
    for image in dict.fromkeys(system.image for system in release.systems.values() if not system.digest):
        try:
            if resolve is None:
                raise WorkbenchError("no registry was queried")
            digests[image] = resolve(image)
        except WorkbenchError as error:
            notes.append(f"{image} is pinned by its tag only, its digest is not known: {error.message}")
    return digests, tuple(notes)


def registry_digest(image: str) -> str:
    """Return the digest that the registry of `image` has under its tag; raises WorkbenchError when it has none."""
    from workbench.registry.repository import Repository

    repository = with_tag(image, "x").removesuffix(":x")
    tag = image.removeprefix(repository).removeprefix(":") or "latest"
    if repository.partition("/")[0] == "localhost":
        raise WorkbenchError("it is of this machine, and in no registry")
    with Repository(repository) as remote:
        manifest = remote.manifest(tag)
    if manifest is None:
        raise WorkbenchError(f"its registry has no tag {tag}")
    return manifest.digest
