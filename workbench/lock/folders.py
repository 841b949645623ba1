"""Which folders of a catalogue have something to lock, and whose Pipfiles each builds on: IDEs' and bundles'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.catalog.bundles import ancestors, bundle_folders, extends_of, rules_of
from workbench.catalog.cuda_layers import WHEELS
from workbench.catalog.faults import Faults
from workbench.catalog.frozen import FrozenTree
from workbench.catalog.ides import ide_rules
from workbench.catalog.parts import official_name
from workbench.catalog.releases import SUMS
from workbench.catalog.tree import CatalogueTree, OverlayTree
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.lock.pipfile import PIPFILE
from workbench.names import check_release, lists_of_folder, pick, python_folder, python_of, python_of_lists


def release_tree(catalog: str, release: str) -> CatalogueTree:
    """Return the files of the catalogue as `release` ("" for none) sees them.

    Made by hand, because a catalogue with a bundle that is not locked yet has a fault. Raises
    WorkbenchError for an unknown release, or one without a folder of its own.
    """
    tree = CatalogueTree(catalog)
    if not release:
        return tree
    own = f"releases/{check_release(release)}"
    existing = [file.removesuffix(".toml") for file in tree.folder("releases")[1] if file.endswith(".toml")]
    pick(release, existing, "release")
    if not tree.exists(own):
        raise WorkbenchError(
            f"release {release} has no locks of its own: it takes those in bundles/",
            hint=f"`{here('lock')}` locks those; for its own, make {own}/bundles with a Pipfile for each",
        )
    return FrozenTree(catalog, own) if tree.exists(f"{own}/{SUMS}") else OverlayTree(catalog, own)


def lock_folders(
    tree: CatalogueTree, bundle: str | None = None, python: str | None = None, *, bundles_only: bool = False
) -> dict[str, list[str]]:
    """Return the folders with a Pipfile, each with those whose Pipfiles it builds on, relative to the catalogue.

    Those of bundles, where lists for certain bases (py311-cpu) build on the plain ones (py311) and change lines of
    those; those of bases unless `bundle` is given; and NVIDIA's wheels, which are for any
    Python, unless `python` is given.
    """
    faults = Faults()
    named = bundle_folders(tree)
    extends = {name: extends_of(tree, folder, faults) for name, folder in named.items()}
    faults.raise_if_any(f"the catalogue {tree.root}")
    chosen = [pick(bundle, named, "bundle")] if bundle else list(named)
    below = {name: ancestors(tree, named, extends, name) for name in chosen}
    parts = {named[name]: [named[each] for each in above] for name, above in below.items()}
    homes = {
        named[name]: _homes(tree, name, [named[each] for each in (*above, name)], faults)
        for name, above in below.items()
    }
    faults.raise_if_any(f"the catalogue {tree.root}")
    if bundle is None and not bundles_only:
        parts |= {f"base/{name}": [] for name in tree.folder("base")[0]}
    wanted = python_folder(python) and python if python else None
    found = {
        f"{part}/{folder}": list(_below(tree, part, folder, above, homes.get(part, ())))
        for part, above in parts.items()
        for folder in tree.folder(part)[0]
        if _is_python(part, folder, wanted) and tree.exists(f"{part}/{folder}/{PIPFILE}")
    }
    if bundle is None and python is None and not bundles_only:
        wheels = [f"{WHEELS}/{name}" for name in tree.folder(WHEELS)[0]]
        found |= {folder: [] for folder in wheels if tree.exists(f"{folder}/{PIPFILE}")}
    return found


def _below(tree: CatalogueTree, part: str, folder: str, above: Sequence[str], homes: Sequence[str]) -> Iterator[str]:
    """Yield the folders whose Pipfiles that in `folder` of `part` builds on, the one at the bottom first.

    They are IDEs' and those of the bundles `above`; for the lists of certain bases first the plain ones of all these,
    the part's own included, then what the bundles above change for such bases.
    """
    lists = lists_of_folder(folder)
    plain = folder.removesuffix(f"-{lists}")
    yield from (f"{home}/{plain}" for home in homes if tree.exists(f"{home}/{plain}/{PIPFILE}"))
    for each in (*above, *([part] if lists else ())):
        if not lists or tree.exists(f"{each}/{plain}/{PIPFILE}"):
            yield f"{each}/{plain}"
    if lists:
        yield from (f"{each}/{folder}" for each in above if tree.exists(f"{each}/{folder}/{PIPFILE}"))


def _is_python(part: str, folder: str, wanted: str | None) -> bool:
    """Return whether `folder` is of the Python `wanted` ("3.11"), None for any; bases may name it as the original."""
    version = python_of(folder) if part.startswith("base/") else python_of_lists(folder)
    return version is not None and wanted in (None, version)


def _homes(tree: CatalogueTree, bundle: str, folders: Sequence[str], faults: Faults) -> list[str]:
    """Return the folders of the IDEs that may have Python packages on `bundle`: those that its rules and theirs allow.

    `folders` are those of the bundles that it builds on, and its own.
    """
    rules = [rules_of(tree, folder, faults) for folder in folders]
    partners = rules[-1].partners
    provided = {word for each in rules for word in each.provides}
    provided |= {official_name(each.rpartition("/")[2]) for each in folders}
    found = []
    for folder in tree.folder("ides")[0]:
        path, name = f"ides/{folder}", official_name(folder)
        own = ide_rules(tree, path, faults)
        fits = (partners is None or name in partners) and (own.partners is None or bundle in own.partners)
        if fits and set(own.needs) <= {*provided, *own.provides}:
            found.append(path)
    return found


def folders_to_lock(catalog: str, bundle: str | None, python: str | None, release: str = "") -> dict[str, list[str]]:
    """Return the folders to lock, each with those whose Pipfiles it builds on, relative to the catalogue.

    With a release, those of the folder that it has for itself; a frozen one is refused.
    """
    tree = release_tree(catalog, release)
    if isinstance(tree, FrozenTree):
        raise WorkbenchError(
            f"release {release} is frozen: its locks move by z only", hint=f"`{here(f'release update {release}')}`"
        )
    found = lock_folders(tree, bundle, python, bundles_only=bool(release))
    if not found:
        raise WorkbenchError("there is no Pipfile to lock", where=f"{bundle or 'bundles'} {python or ''}".strip())
    return {tree.place(folder): [tree.place(each) for each in above] for folder, above in found.items()}
