"""Amending a frozen release: files of today's catalogue go into it, for a reason that its file keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.catalog.releases import FROZEN
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue, Release
from workbench.catalog.views import at_release
from workbench.compose.recipe import RecipeFile
from workbench.errors import UsageError, WorkbenchError
from workbench.names import python_of_lists, suggestion
from workbench.release.folder import frozen_paths, own_files, read_files, write_frozen
from workbench.release.kept import kept_tables


@dataclass(frozen=True, slots=True)
class AmendReport:
    """What an amendment did: the paths of files that were added, changed and removed, each sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def amend(
    catalogue: Catalogue, name: str, paths: Sequence[str], reason: str, day: str, *, dry_run: bool = False
) -> AmendReport:
    """Put the catalogue's files at `paths`, or below them, into the frozen release `name`; record `day` and `reason`.

    A file below one of `paths` that the catalogue no longer has leaves the release too. Locks are excluded: they move
    by `release update`. The tables that older freezings did not keep are kept from then on. Nothing is written with
    `dry_run`, nor when nothing changes. Raises WorkbenchError for a release that is not frozen or was changed by hand,
    and UsageError for a path that no recipe is made from or an empty reason.
    """
    release = catalogue.release(name)
    if release.state != FROZEN:
        raise WorkbenchError(
            f"release {name} is {release.state}", where=release.path, hint="only a frozen one is amended"
        )
    if not reason.strip():
        raise UsageError("an amendment needs a reason", hint='such as --reason "start scripts: IPv6"')
    before = own_files(at_release(catalogue, name).tree, release)
    wanted = [path.strip("/") for path in paths]
    now = _amended(catalogue.tree, release, before, wanted)
    report = AmendReport(
        added=tuple(sorted(now.keys() - before.keys())),
        changed=tuple(sorted(path for path in now.keys() & before.keys() if _differ(now[path], before[path]))),
        removed=tuple(sorted(before.keys() - now.keys())),
    )
    if not dry_run and (report.added or report.changed or report.removed):
        row = {"day": day, "reason": reason.strip(), "paths": wanted}
        write_frozen(catalogue.tree, release, now, _with_row(catalogue.tree.text(release.path), row))
    return report


def _amended(
    tree: CatalogueTree, release: Release, before: Mapping[str, RecipeFile], wanted: Sequence[str]
) -> dict[str, RecipeFile]:
    """Return the files of the release with those at `wanted` as the catalogue `tree` has them."""
    here = [path for path in frozen_paths(tree, release) if not _is_lock(path)]
    for path in wanted:
        if not any(_is_below(each, path) for each in [*here, *before]):
            raise UsageError(f"no recipe of release {release.name} is made from {path!r}: {suggestion(path, here)}")
    kept = {
        path: file
        for path, file in before.items()
        if _is_lock(path) or not any(_is_below(path, each) for each in wanted)
    }
    new = read_files(tree, [path for path in here if any(_is_below(path, each) for each in wanted)])
    missing = {path: file for path, file in kept_tables(tree).items() if path not in kept}
    return {**kept, **new, **missing}


def _is_lock(path: str) -> bool:
    """Return whether the file at `path` belongs to a lock, its promise or the record of the release file."""
    parts = path.split("/")
    return len(parts) == 1 or parts[0] == "promises" or any(python_of_lists(part) for part in parts[1:3])


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _differ(one: RecipeFile, other: RecipeFile) -> bool:
    return (one.data, one.executable) != (other.data, other.executable)


def _with_row(text: str, row: Mapping[str, object]) -> str:
    import tomli_w

    return f"{text.rstrip()}\n\n{tomli_w.dumps({'amended': [row]})}"
