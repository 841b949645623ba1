"""Updating a release within its promise: every package keeps its x.y, only z moves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.catalog.releases import FROZEN, RETIRED
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.recipe import RecipeFile
from workbench.errors import FaultsError, WorkbenchError
from workbench.lock.folders import lock_folders
from workbench.lock.interpreter import find_interpreter
from workbench.lock.pipenv import LOCK
from workbench.lock.pipfile import PIPFILE, merged
from workbench.names import python_of_lists
from workbench.packages import normalized_name
from workbench.process import interruptible, workers
from workbench.release.available import QueryIndex, available_of
from workbench.release.builds import build_records, lost_builds, with_records
from workbench.release.check import refuse_unfrozen
from workbench.release.folder import own_files, write_folder, write_frozen
from workbench.release.index import AvailableVersions
from workbench.release.pins import pins_in, pins_of, promise_path, promise_text, read_promise
from workbench.release.relock import ReleaseLock, RelockPlan, beyond, of_pipfile, plan, relocked
from workbench.release.sizes import with_sizes
from workbench.release.text import loosened

# Called for each lock as it is done: how many of how many, and which.
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class MovedPackage:
    """A package of a lock that has another version now; `before` is empty for a new dependency."""

    folder: str
    package: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did: what moved, which later x.y it left alone, and the security fixes it did not reach.

    `unbuilt` says, by lock, which packages have no build for an architecture of the release, and had one before.
    """

    moved: tuple[MovedPackage, ...]
    held: Mapping[str, str]
    unmet: tuple[tuple[str, str], ...]
    unbuilt: tuple[tuple[str, str], ...]


def update(
    catalogue: Catalogue,
    name: str,
    query: QueryIndex,
    report: Report,
    *,
    allowed: Sequence[str] = (),
    interpreter: str = "",
    dry_run: bool = False,
    jobs: int = 2,
) -> UpdateReport:
    """Relock the release `name` within its promise, and write it in one step, or not at all.

    Raises FaultsError with what would break the promise and what the index no longer has; then nothing
    is written. `allowed` are packages that may move further: their lines in the release's
    Pipfiles are opened as far as it takes.
    """
    release = catalogue.release(name)
    if release.state == RETIRED:
        raise WorkbenchError(f"release {name} is retired", where=release.path)
    refuse_unfrozen(release)
    tree = at_release(catalogue, name).tree
    files = own_files(tree, release)
    free = [normalized_name(package) for package in allowed]
    locks = _locks(tree, files)
    packages = sorted({package for lock in locks.values() for package in pins_of(lock.data)})
    if unknown := [package for package in free if package not in packages]:
        raise WorkbenchError(f"no lock of release {name} has {', '.join(unknown)}", hint="--allow names a package")
    available = available_of(locks, query)
    plans = {folder: plan(lock, available[folder], release.security, free) for folder, lock in locks.items()}
    _refuse(name, [(locks[folder].place, what) for folder, each in plans.items() for what in each.refused])
    new = _relock(locks, plans, free, interpreter, jobs, report)
    _refuse(
        name,
        [
            (locks[folder].place, what)
            for folder, texts in new.items()
            for what in beyond(locks[folder], pins_in(texts[LOCK].encode(), folder), free)
        ],
    )
    moved = tuple(each for folder, texts in new.items() for each in _moves(folder, locks[folder], texts[LOCK]))
    records = build_records(release, locks, new)
    if moved and not dry_run:
        changed = _with(files, locks, new, [each for each in moved if each.package in free])
        changed = with_sizes(release, with_records(changed, records), new)
        if release.state == FROZEN:
            write_frozen(catalogue.tree, release, changed)
        else:
            write_folder(catalogue.tree, name, changed)
    unmet = tuple((locks[folder].place, what) for folder, each in plans.items() for what in each.unmet)
    unbuilt = tuple((locks[folder].place, what) for folder, what in lost_builds(files, records))
    return UpdateReport(moved, _beyond_promise(locks, available), unmet, unbuilt)


def _refuse(name: str, faults: list[tuple[str, str]]) -> None:
    if faults:
        hint = "nothing was written; a package that must go further is named with --allow PACKAGE"
        raise FaultsError(f"release {name} cannot be updated within its promise", faults, hint=hint)


def _locks(tree: CatalogueTree, files: Mapping[str, RecipeFile]) -> dict[str, ReleaseLock]:
    """Return the locks in the folder of a release, by their folder."""
    found = {}
    for folder, above in lock_folders(tree).items():
        if f"{folder}/{LOCK}" not in files:
            continue
        data = json.loads(files[f"{folder}/{LOCK}"].data)
        promise = files.get(promise_path(folder))
        found[folder] = ReleaseLock(
            place=tree.place(folder),
            pipfile=merged([tree.full(each) for each in [*above, folder]]),
            data=data,
            promise=read_promise(promise.data.decode()) if promise else pins_of(data),
        )
    return found


def _relock(
    locks: Mapping[str, ReleaseLock],
    plans: Mapping[str, RelockPlan],
    free: Sequence[str],
    interpreter: str,
    jobs: int,
    report: Report,
) -> dict[str, dict[str, str]]:
    """Return the new files of every lock that something can move in, by its folder."""
    wanted = [folder for folder, each in plans.items() if each.moves]
    pythons = {folder: _interpreter(folder, interpreter) for folder in wanted}

    def one(folder: str) -> dict[str, str]:
        opened = replace(locks[folder], pipfile=loosened(locks[folder].pipfile, free))
        return relocked(opened, plans[folder].ranges, free, pythons[folder])

    new = {}
    with interruptible(), workers(jobs) as pool:
        for number, (folder, texts) in enumerate(zip(wanted, pool.map(one, wanted), strict=True), 1):
            report(number, len(wanted), folder)
            new[folder] = texts
    return new


def _interpreter(folder: str, given: str) -> str:
    wanted = python_of_lists(folder.rpartition("/")[2])
    found = given or (find_interpreter(wanted) if wanted else sys.executable)
    if found is None:
        raise WorkbenchError(
            f"no Python {wanted} on this machine, and {folder} is locked with it", hint="name one with --interpreter"
        )
    return found


def _moves(folder: str, lock: ReleaseLock, text: str) -> list[MovedPackage]:
    before, after = pins_of(lock.data), pins_in(text.encode(), folder)
    return [
        MovedPackage(folder, package, before.get(package, ""), version)
        for package, version in after.items()
        if before.get(package) != version
    ]


def _beyond_promise(
    locks: Mapping[str, ReleaseLock], available: Mapping[str, Mapping[str, AvailableVersions]]
) -> dict[str, str]:
    """Return the newest version of every package that has one beyond the promise, by package."""
    found = {}
    for folder, lock in locks.items():
        for package, version in pins_of(lock.data).items():
            later = available[folder].get(package, AvailableVersions()).above(version)
            if later and later[0].split(".")[:2] != version.split(".")[:2]:
                found[package] = later[0]
    return found


def _with(
    files: Mapping[str, RecipeFile],
    locks: Mapping[str, ReleaseLock],
    new: Mapping[str, Mapping[str, str]],
    freed: Sequence[MovedPackage],
) -> dict[str, RecipeFile]:
    """Return the files of the release with the new locks, and the promises and Pipfiles of what was allowed."""
    names = {each.package for each in freed}
    changed = dict(files)

    def put(path: str, text: str) -> None:
        changed[path] = RecipeFile(text.encode(), False, "")

    for folder, texts in new.items():
        for name, text in texts.items():
            put(f"{folder}/{name}", text)
    for each in freed:
        if (path := promise_path(each.folder)) in changed:
            promise = {**read_promise(changed[path].data.decode()), each.package: each.after}
            put(path, promise_text(promise))
    for path, file in files.items():
        if names and path.rpartition("/")[2] == PIPFILE:
            put(path, loosened(file.data.decode(), names))
    for folder, lock in locks.items():
        # A line may stand in the Pipfile of a bundle below: then every lock above is of another Pipfile.
        path = f"{folder}/{LOCK}"
        put(path, of_pipfile(changed[path].data, loosened(lock.pipfile, names)))
    return changed
