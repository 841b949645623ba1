"""Reading a whole catalogue: every fault of it in one go, and what stands without them."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace

from workbench.catalog.bundles import inherit, read_bundle, unlocked_folders
from workbench.catalog.faults import Fault, Faults
from workbench.catalog.ides import read_ide
from workbench.catalog.parts import SNIPPET, check_known, check_spelled, official_name, read_parts, require, variants
from workbench.catalog.questions import QUESTIONS
from workbench.catalog.releases import read_releases, read_system, read_systems
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Bundle, Catalogue, Ide, Release
from workbench.errors import WorkbenchError

BASE_SNIPPET = "snippets/base"
# The shared snippets: one for a family of systems makes that family known.
_SHARED = (("bundles", "os_packages"), ("ides", "os_packages_ide"))

Broken = dict[str, dict[str, tuple[Fault, ...]]]


def read_catalogue(root: str) -> Catalogue:
    """Return the catalogue in the folder `root`, which has no fault.

    Raises WorkbenchError when there is no such folder, and FaultsError with every fault found
    and its path. Files that only some recipe needs are read when it is composed.
    """
    catalogue = open_catalogue(root)
    faults = Faults()
    faults.found += catalogue.faults
    faults.raise_if_any(f"the catalogue {root}")
    return catalogue


def open_catalogue(root: str) -> Catalogue:
    """Return the catalogue in the folder `root` with what can be read of it; the rest is in its `faults`.

    One bundle that is not locked, or a release file with a slip, stops nothing else. Raises WorkbenchError when
    there is no such folder.
    """
    if not os.path.isdir(root):
        raise WorkbenchError("there is no such catalogue folder", where=root)
    tree, faults, broken = CatalogueTree(root), Faults(), Broken()
    for path in (BASE_SNIPPET, "bundles", "ides"):
        with faults:
            require(tree, path)
    releases = read_releases(tree, faults, broken.setdefault("release", {}))
    systems = read_systems(tree, releases, faults, broken.setdefault("os", {}))
    catalogue = Catalogue(tree=tree, releases=releases, systems=systems, bundles={}, ides={}, broken=broken)
    # The names in a release with a folder of its own are checked against that folder, when it is used.
    return with_parts(catalogue, [release for release in releases.values() if not release.own], faults)


def with_parts(catalogue: Catalogue, releases: Collection[Release], faults: Faults) -> Catalogue:
    """Return `catalogue` with the bundles and IDEs that stand in its tree, and all that is wrong, `faults` included.

    The names in rules, variants and the defaults of `releases` are checked.
    """
    tree = catalogue.tree
    broken: Broken = {**{kind: dict(found) for kind, found in catalogue.broken.items()}, "bundle": {}, "ide": {}}
    bundles = dict(read_parts(tree, "bundles", read_bundle, faults, broken["bundle"]))
    ides = dict(read_parts(tree, "ides", read_ide, faults, broken["ide"]))
    with faults:
        faults.found += unlocked_folders(tree)
    bundles = {name: bundle for name, bundle in bundles.items() if name not in broken["bundle"]}
    ides = {name: ide for name, ide in ides.items() if name not in broken["ide"]}
    found = replace(catalogue, bundles=inherit(tree, bundles, faults, broken["bundle"]), ides=ides, broken=broken)
    misspelled = _check_parts(found, faults)
    for kind, names in misspelled.items():
        broken[kind] |= names
    found = replace(
        found,
        bundles={name: bundle for name, bundle in found.bundles.items() if name not in broken["bundle"]},
        ides={name: ide for name, ide in found.ides.items() if name not in broken["ide"]},
    )
    check_releases(found, releases, faults)
    return replace(found, faults=tuple(sorted(set(faults.found))))


def _check_parts(catalogue: Catalogue, faults: Faults) -> Broken:
    """Add a fault for every misspelled name in a rule or a variant; return them by kind and name of their parts."""
    named, served = _named(catalogue, faults), served_words(catalogue)
    systems = {*catalogue.systems, *catalogue.broken["os"], *catalogue.tree.folder("base")[0]}
    broken: Broken = {"bundle": {}, "ide": {}}
    parts: list[tuple[str, str, Bundle | Ide]] = [
        *(("bundle", "ide", bundle) for bundle in catalogue.bundles.values()),
        *(("ide", "bundle", ide) for ide in catalogue.ides.values()),
    ]
    for kind, other, part in parts:
        own, where = Faults(), f"{part.folder}/{kind}.toml"
        check_spelled(where, _KINDS[other], part.rules.partners or (), named[other], own)
        check_spelled(where, "operating system", part.rules.oses or (), systems, own)
        by_variant = [part.os_packages, part.builder]
        by_variant += (
            [part.custom]
            if isinstance(part, Bundle)
            else [
                part.snippet,
                *part.shared_packages,
                *part.options.values(),
            ]
        )
        for paths in by_variant:
            for variant, path in paths.items():
                check_spelled(path, "operating system or family", {variant} - served, served - {""}, own)
        if own.found:
            broken[kind][part.name] = faults.take(own)
    return broken


_KINDS = {"bundle": "bundle", "ide": "IDE"}


def check_releases(catalogue: Catalogue, releases: Collection[Release], faults: Faults) -> None:
    """Add a fault for every tool of `releases` whose system is misspelled, and every default that names nothing."""
    # By folder: one that could not be read has been reported already, and its name is no miss.
    named, served = _named(catalogue, faults), served_words(catalogue)
    for release in releases:
        for tool, pins in release.tools.items():
            kind = f"operating system or family, for the tool {tool},"
            check_spelled(release.path, kind, pins, served - {""}, faults)
        for question in QUESTIONS:
            if question.offered and not question.open and question.name in release.defaults:
                known = named.get(question.name) or question.offered(catalogue, {"release": release.name})
                answer = release.defaults[question.name]
                check_known(release.path, f"default {question.name}", [answer], known, faults)


def served_words(catalogue: Catalogue) -> set[str]:
    """Return the words that may stand in the name of a variant: systems and families that the catalogue knows of.

    They are those of its releases, those that have a base, and the families that shared snippets are for: a system
    that no release has any more leaves its files behind.
    """
    tree, unread = catalogue.tree, Faults()
    known = [*catalogue.systems.values(), *(read_system(tree, name, unread) for name in tree.folder("base")[0])]
    words = {"", *catalogue.broken.get("os", {}), *(word for system in known for word in (system.name, system.family))}
    for folder, stem in _SHARED:
        words |= set(variants(folder, tree.folder(folder)[1], stem, SNIPPET, unread))
    return words


def _named(catalogue: Catalogue, faults: Faults) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {"bundle": [], "ide": []}
    for kind in named:
        with faults:
            named[kind] = [official_name(name) for name in catalogue.tree.folder(f"{kind}s")[0]]
    return named
