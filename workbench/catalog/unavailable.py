"""Packages that an operating system does not have: recorded by `check --packages --record`, so that none is offered."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.catalog.os_packages import packages_of, read_os_packages
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Bundle, Catalogue, Ide

NAME = "unavailable.txt"


def path_of(os: str) -> str:
    """Return where the record of an operating system is, relative to the catalogue."""
    return f"base/{os}/{NAME}"


def unavailable(tree: CatalogueTree, os: str) -> frozenset[str]:
    """Return the packages that are recorded as missing from the index of `os`, as lists write them."""
    path = path_of(os)
    if not tree.exists(path):
        return frozenset()
    return frozenset(name for _, name, _ in packages_of(tree.text(path)))


def lists_of(catalogue: Catalogue, part: Bundle | Ide, os: str) -> list[str]:
    """Return the package lists that serve `os`, in order.

    They are those of what a bundle builds on, then its own; of what an IDE uses, its own, then of its chosen options.
    """
    if isinstance(part, Bundle):
        lists = [*(catalogue.bundles[name].os_packages for name in part.above), part.os_packages]
    else:
        lists = [*part.shared_packages, part.os_packages, *(part.options[name] for name in part.chosen)]
    return [path for each in lists if (path := catalogue.variant(each, os)) is not None]


def missing_reasons(catalogue: Catalogue, part: Bundle | Ide, what: str, os: str) -> Iterator[str]:
    """Yield why a bundle or an IDE cannot be on `os`: packages of its lists that are recorded as missing there."""
    missing = catalogue.systems[os].unavailable
    if not missing:
        return
    listed = dict.fromkeys(
        name for path in lists_of(catalogue, part, os) for name in read_os_packages(catalogue.tree, path)
    )
    if found := [name for name in listed if name in missing]:
        yield f"{what} needs {', '.join(found)}, which {os} does not have"
