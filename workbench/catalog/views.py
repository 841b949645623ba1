"""The catalogue as one release sees it: an open one all of it, one with a folder of its own what is there."""

from __future__ import annotations

from workbench.catalog.faults import Faults
from workbench.catalog.fields import check_fields, with_digests
from workbench.catalog.frozen import FrozenTree, check_record
from workbench.catalog.questions import Question
from workbench.catalog.reader import check_names, read_parts_of
from workbench.catalog.releases import RETIRED, SUMS, read_systems
from workbench.catalog.tree import CatalogueTree, OverlayTree
from workbench.catalog.values import Catalogue


def at_release(catalogue: Catalogue, name: str) -> Catalogue:
    """Return the catalogue that recipes of the release `name` are composed from; it is read once.

    A release that is unknown, retired or has no folder of its own sees `catalogue` itself. Raises
    FaultsError with every fault of the folder: a changed file or release field if it is frozen.
    """
    views: dict[str, Catalogue] = catalogue.tree.views
    views.setdefault("", catalogue)
    release = catalogue.releases.get(name)
    if release is None or not release.own or release.state == RETIRED:
        return views[""]
    if name not in views:
        views[name] = _view(views[""], name)
        views[name].tree.views = views
    return views[name]


def _view(catalogue: Catalogue, name: str) -> Catalogue:
    release, root, faults = catalogue.releases[name], catalogue.tree.root, Faults()
    what = f"release {name} in {release.own}"
    if catalogue.tree.exists(f"{release.own}/{SUMS}"):
        frozen = FrozenTree(root, release.own)
        with faults:
            if release.record:
                check_record(catalogue.tree, release)
            check_fields(catalogue.tree, frozen, release.path, faults)
            release = with_digests(frozen, release)
        # Nothing is made of a changed file, so what else is wrong because of it is not reported.
        faults.raise_if_any(what)
        tree: CatalogueTree = frozen
    else:
        tree = OverlayTree(root, release.own)
    systems = {**catalogue.systems, **read_systems(tree, {name: release}, faults)}
    view = read_parts_of(tree, {**catalogue.releases, name: release}, systems, faults)
    check_names(view, [release], faults)
    faults.found = [(_placed(tree, where), message) for where, message in faults.found]
    faults.raise_if_any(what)
    return view


def _placed(tree: CatalogueTree, where: str) -> str:
    path, _, line = where.partition(":")
    place = path if path.startswith("releases/") else tree.place(path)
    return f"{place}:{line}" if line else place


def every_view(catalogue: Catalogue) -> list[Catalogue]:
    """Return the catalogue, then what each release that is not retired and has a folder of its own sees of it."""
    own = [name for name, release in catalogue.releases.items() if release.own and release.state != RETIRED]
    return [catalogue, *(at_release(catalogue, name) for name in own)]


def every_name(catalogue: Catalogue, question: Question) -> list[str]:
    """Return the names among which `question` lets choose in any release."""
    pairs = ((view, release) for view in every_view(catalogue) for release in view.releases)
    return list(dict.fromkeys(name for view, release in pairs for name in question.known(view, {"release": release})))
