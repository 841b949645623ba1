"""The catalogue as one release sees it: an open one all of it, one with a folder of its own what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.catalog.faults import Fault, Faults
from workbench.catalog.fields import check_fields, with_digests
from workbench.catalog.frozen import FrozenTree, check_record
from workbench.catalog.questions import Question
from workbench.catalog.reader import with_parts
from workbench.catalog.releases import RETIRED, SUMS, read_systems
from workbench.catalog.tree import CatalogueTree, OverlayTree
from workbench.catalog.values import Catalogue, Release


def at_release(catalogue: Catalogue, name: str) -> Catalogue:
    """Return the catalogue that recipes of the release `name` are composed from; it is read once.

    A release that is unknown, retired or has no folder of its own sees `catalogue` itself. Raises FaultsError when
    the file of the release has a fault, and for a frozen one with every fault of its folder, a changed file or
    release field. A bundle or IDE in the folder of an open one that has a fault is in `broken`, as in any catalogue.
    """
    views: dict[str, Catalogue] = catalogue.tree.views
    views.setdefault("", catalogue)
    catalogue.refuse_broken("release", name)
    release = catalogue.releases.get(name)
    if release is None or not release.own or release.state == RETIRED:
        return views[""]
    if name not in views:
        views[name] = _view(views[""], name)
        views[name].tree.views = views
    return views[name]


def in_repository(catalogue: Catalogue, name: str, repository: str) -> Catalogue:
    """Return the catalogue in which the images of the release `name` are in `repository`, whatever its file says.

    All that is made of the result, and of `catalogue` from now on, stands on the images there. Raises what
    `at_release` raises.
    """
    view = at_release(catalogue, name)
    if name not in view.releases:
        return catalogue

    def moved(seen: Catalogue) -> Catalogue:
        return replace(seen, releases={**seen.releases, name: replace(seen.releases[name], repository=repository)})

    views: dict[str, Catalogue] = catalogue.tree.views
    views.update({key: moved(seen) for key, seen in views.items() if name in seen.releases})
    return views[""]


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
    unread: dict[str, tuple[Fault, ...]] = {}
    own = read_systems(tree, {name: release}, faults, unread)
    systems = {os: system for os, system in {**catalogue.systems, **own}.items() if os not in unread}
    unread = {**{os: why for os, why in catalogue.broken["os"].items() if os not in own}, **unread}
    broken = {"release": catalogue.broken["release"], "os": unread}
    releases = {**catalogue.releases, name: release}
    view = with_parts(Catalogue(tree, releases, systems, {}, {}, broken), [release], faults)
    broken = {
        kind: {part: _placed(tree, found) for part, found in parts.items()} for kind, parts in view.broken.items()
    }
    if isinstance(tree, FrozenTree):
        # It had no fault when it was frozen, so whatever is one now is damage: nothing is made of the rest either.
        faults.found = [*_placed(tree, view.faults)]
        faults.raise_if_any(what)
    return replace(view, broken=broken, faults=_placed(tree, view.faults))


def _placed(tree: CatalogueTree, faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return `faults` with the places where the files really are."""
    return tuple((_place(tree, where), message) for where, message in faults)


def _place(tree: CatalogueTree, where: str) -> str:
    path, _, line = where.partition(":")
    place = path if path.startswith("releases/") else tree.place(path)
    return f"{place}:{line}" if line else place


def faults_for(view: Catalogue, release: Release) -> list[Fault]:
    """Return what is wrong in `view` that concerns `release`: everything but what is wrong with other releases."""
    own = (release.path, f"{release.own}/" if release.own else release.path)
    return [fault for fault in view.faults if not fault[0].startswith("releases/") or fault[0].startswith(own)]


def every_view(catalogue: Catalogue, faults: Faults) -> list[Catalogue]:
    """Return the catalogue, then what each release that is not retired and has a folder of its own sees of it.

    Without those whose folder cannot be used, which are added to `faults`.
    """
    views = [catalogue]
    for name, release in catalogue.releases.items():
        if release.own and release.state != RETIRED:
            with faults:
                views.append(at_release(catalogue, name))
    return views


def every_name(catalogue: Catalogue, question: Question) -> list[str]:
    """Return the names among which `question` lets choose in any release."""
    pairs = ((view, release) for view in every_view(catalogue, Faults()) for release in view.releases)
    return list(dict.fromkeys(name for view, release in pairs for name in question.known(view, {"release": release})))
