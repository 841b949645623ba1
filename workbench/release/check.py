"""Does a release keep its promise? Its files, its fields, its locks, its support, its security fixes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.catalog.faults import Faults
from workbench.catalog.fields import check_fields
from workbench.catalog.frozen import RELEASE_FILE, FrozenTree, Record, check_record
from workbench.catalog.releases import FROZEN, RETIRED, SUMS
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue, Release
from workbench.catalog.views import at_release, faults_for
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.lock.pipenv import LOCK
from workbench.release.advisories import Advisories
from workbench.release.audit import cure, excepted, holes, old_tools, own_holes, tool_pins, unused_rows
from workbench.release.consistent import lock_faults
from workbench.release.entries import folder_faults, is_file
from workbench.release.folder import frozen_paths
from workbench.release.kept import changed_rows
from workbench.release.pins import keeps, pins_in, promise_path, read_promise
from workbench.release.text import with_value


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check: how many files and locks were checked, the digest of the record, faults and notes.

    `advisories` is where those were taken from, "" where known holes were not checked.
    """

    files: int
    locks: int
    record: str
    faults: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    advisories: str = ""


def check(catalogue: Catalogue, name: str, today: str, advisories: Advisories | None = None) -> CheckReport:
    """Return what is wrong with the release `name` on the day `today` (2026-11-22), every fault of it.

    Known holes are those of its own `[[security]]` rows and of `advisories`; without these it was not checked for
    others, and the report says so.
    """
    release = catalogue.release(name)
    faults, notes, tree = Faults(), list(_notes(catalogue, release, today)), catalogue.tree
    record = ""
    files: list[str] = []
    locks: dict[str, dict[str, str]] = {}
    if release.own and tree.exists(f"{release.own}/{SUMS}"):
        record = tree.digest(f"{release.own}/{SUMS}")
        with faults:
            files, locks = _frozen(tree, release, faults)
    elif release.state != RETIRED:
        with faults:
            seen = at_release(catalogue, name)
            faults.found += faults_for(seen, release)
            view = seen.tree
            files = frozen_paths(view, release)
            locks = {
                path.rpartition("/")[0]: pins_in(view.read(path), view.place(path))
                for path in files
                if path.endswith(f"/{LOCK}")
            }
    if release.state == RETIRED and not release.reason.strip():
        faults.add(release.path, 'is retired without a reason: add reason = "…", which its users are shown')
    if release.until and today > release.until and release.state != RETIRED:
        faults.add(release.path, f'support ended on {release.until}: set state = "retired", or prolong it')
    pinned = {_place(catalogue, release, folder): frozenset(pins.items()) for folder, pins in locks.items()}
    found = [*own_holes(pinned, release), *(holes({**pinned, **tool_pins(release)}, advisories) if advisories else ())]
    counted, accepted = excepted(found, release, today) if advisories else (found, [])
    for each in counted:
        how = cure(release, each)
        faults.add(each.where, f"{each.message}: {how}" if how else each.message)
    notes += accepted
    unused = unused_rows(pinned, release) if locks else []
    notes += [f"{release.path}: [[security]] names {package}, which no lock has" for package in unused]
    notes += old_tools(release, today) if release.state != RETIRED else []
    source = advisories.source if advisories else ""
    return CheckReport(len(files), len(locks), record, tuple(dict.fromkeys(faults.found)), tuple(notes), source)


def _place(catalogue: Catalogue, release: Release, folder: str) -> str:
    """Return where the lock that the release sees in `folder` is."""
    if catalogue.tree.exists(f"{release.own}/{SUMS}"):
        return f"{release.own}/{folder}"
    return at_release(catalogue, release.name).tree.place(folder)


def _notes(catalogue: Catalogue, release: Release, today: str) -> Iterator[str]:
    freeze = here(f"release freeze {release.name}")
    if release.since and today < release.since:
        yield f"support begins on {release.since}"
    if release.state == FROZEN:
        text = catalogue.tree.text(release.path)
        if with_value(text, ("state",), FROZEN) != text:
            yield f"{release.path} does not say that it is frozen: `{freeze}` corrects that"
    if release.state == RETIRED:
        yield f"release {release.name} is retired"
    if len(release.record) > 1:
        yield f"a change of it was interrupted: `{freeze}` leaves one record in {release.path}"
    for change in release.amended:
        yield f"amended on {change.day}: {change.reason}"


def _frozen(tree: CatalogueTree, release: Release, faults: Faults) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Check the folder of a frozen release; return its files, and what its locks pin by folder."""
    with faults:
        check_record(tree, release)
    frozen = FrozenTree(tree.root, release.own)
    record: Record = frozen.record
    changed = []
    for where, message in folder_faults(frozen):
        faults.add(where, message)
    for path, digest in record.sums.items():
        with faults:
            if is_file(frozen, path) and hashlib.sha256(CatalogueTree.read(frozen, path)).hexdigest() != digest:
                faults.add(frozen.place(path), "is not as it was frozen")
                changed.append(path)
    if RELEASE_FILE not in changed:
        with faults:
            check_fields(tree, frozen, release.path, faults)
    locks = {}
    for path in record.sums:
        folder, _, file = path.rpartition("/")
        if file == LOCK:
            with faults:
                locks[folder] = _lock(frozen, folder, changed, faults)
    with faults:
        for where, message in changed_rows(tree, frozen, list(locks.values())):
            faults.add(where, message)
    return list(record.sums), locks


def _lock(frozen: FrozenTree, folder: str, changed: list[str], faults: Faults) -> dict[str, str]:
    """Check one lock: against its lists where one of them was changed, and against the promise."""
    path = f"{folder}/{LOCK}"
    names = [name for name in frozen.folder(folder)[1] if os.path.exists(frozen.full(f"{folder}/{name}"))]
    if any(changed_path.startswith(f"{folder}/") for changed_path in changed):
        # The digest shows that the file differs; comparing it with the others shows the line.
        for where, message in lock_faults({name: CatalogueTree.read(frozen, f"{folder}/{name}") for name in names}):
            faults.add(frozen.place(f"{folder}/{where}"), message)
    pins = pins_in(CatalogueTree.read(frozen, path), frozen.place(path))
    promise = read_promise(frozen.text(promise_path(folder)))
    for package, promised in promise.items():
        if package not in pins:
            faults.add(frozen.place(path), f"{package} {promised} was promised, and is missing")
        elif not keeps(promised, pins[package]):
            faults.add(
                frozen.place(path), f"{package} is {pins[package]}, and {promised} was promised: only z may move"
            )
    return pins


def refuse_unfrozen(release: Release) -> None:
    """Raise WorkbenchError for a release that has no folder of its own."""
    if not release.own:
        raise WorkbenchError(
            f"release {release.name} has no locks of its own: it takes those in bundles/",
            where=release.path,
            hint=f"`{here('lock')}` updates those; `{here(f'release freeze {release.name}')}` makes them its own",
        )
