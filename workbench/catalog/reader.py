"""Reading a whole catalogue: every fault of it in one go."""

from __future__ import annotations

import os

from workbench.catalog.bundles import inherit, read_bundle
from workbench.catalog.faults import Faults
from workbench.catalog.ides import read_ide
from workbench.catalog.parts import check_known, official_name, read_parts, require
from workbench.catalog.questions import QUESTIONS
from workbench.catalog.releases import read_releases, read_systems
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Bundle, Catalogue, Ide, Release, System
from workbench.errors import WorkbenchError

BASE_SNIPPET = "snippets/base"


def read_catalogue(root: str) -> Catalogue:
    """Return the catalogue in the folder `root`.

    Raises WorkbenchError when there is no such folder, and FaultsError with every fault found
    and its path. Files that only some recipe needs are read when it is composed.
    """
    if not os.path.isdir(root):
        raise WorkbenchError("there is no such catalogue folder", where=root)
    tree, faults = CatalogueTree(root), Faults()
    for path in (BASE_SNIPPET, "bundles", "ides"):
        with faults:
            require(tree, path)
    releases = read_releases(tree, faults)
    catalogue = read_parts_of(tree, releases, read_systems(tree, releases, faults), faults)
    # The names in a release with a folder of its own are checked against that folder, when it is used.
    check_names(catalogue, [release for release in releases.values() if not release.own], faults)
    faults.raise_if_any(f"the catalogue {root}")
    return catalogue


def read_parts_of(
    tree: CatalogueTree, releases: dict[str, Release], systems: dict[str, System], faults: Faults
) -> Catalogue:
    """Return the catalogue of the bundles and IDEs that stand in `tree`, for these releases and systems."""
    bundles = inherit(tree, dict(read_parts(tree, "bundles", read_bundle, faults)), faults)
    ides = dict(read_parts(tree, "ides", read_ide, faults))
    return Catalogue(tree=tree, releases=releases, systems=systems, bundles=bundles, ides=ides)


def check_names(catalogue: Catalogue, releases: list[Release], faults: Faults) -> None:
    """Add a fault for every name in a rule, a default of `releases` or a variant that names nothing."""
    parts: list[tuple[str, str, Bundle | Ide]] = [
        *(("bundle.toml", "IDE", bundle) for bundle in catalogue.bundles.values()),
        *(("ide.toml", "bundle", ide) for ide in catalogue.ides.values()),
    ]
    # By folder: one that could not be read has been reported already, and its name is no miss.
    with faults:
        named = {kind: [official_name(name) for name in catalogue.tree.folder(kind)[0]] for kind in ("bundles", "ides")}
    systems = catalogue.systems
    served = {*systems, *(system.family for system in systems.values()), ""}
    for file, kind, part in parts:
        where = f"{part.folder}/{file}"
        others = named["ides" if kind == "IDE" else "bundles"]
        check_known(where, kind, part.rules.partners or (), others, faults)
        check_known(where, "operating system", part.rules.oses or (), systems, faults)
        by_variant = [part.os_packages, part.builder]
        by_variant += [part.custom] if isinstance(part, Bundle) else [part.snippet, *part.shared_packages]
        for paths in by_variant:
            for variant, path in paths.items():
                check_known(path, "operating system or family", {variant} - served, systems, faults)
    for release in releases:
        for tool, pins in release.tools.items():
            kind = f"operating system or family, for the tool {tool},"
            check_known(release.path, kind, pins, served - {""}, faults)
        # By folder too: a bundle that could not be read has been reported already, and its name is no miss.
        by_folder = {"bundle": named["bundles"], "ide": named["ides"]}
        for question in QUESTIONS:
            if question.offered and not question.open and question.name in release.defaults:
                known = by_folder.get(question.name) or question.offered(catalogue, {"release": release.name})
                check_known(release.path, f"default {question.name}", [release.defaults[question.name]], known, faults)
