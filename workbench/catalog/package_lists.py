"""All lists of operating system packages of a catalogue, and which of them a system is given."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.catalog.faults import Faults
from workbench.catalog.os_packages import packages_of, read_os_packages
from workbench.catalog.unavailable import lists_of
from workbench.catalog.values import Bundle, Catalogue, Ide
from workbench.catalog.views import every_view

BASE_LIST = "base/{}/os-packages.txt"


def package_lists(view: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield the path of every list of a catalogue, with the system or family that it is for, "" for all.

    They are those of bundles, of IDEs, their options and what they use, and of the bases, each for its own system.
    """
    parts: list[Bundle | Ide] = [*view.bundles.values(), *view.ides.values()]
    for part in parts:
        yield from ((path, variant) for variant, path in part.os_packages.items())
    shared = (lists for ide in view.ides.values() for lists in (*ide.shared_packages, *ide.options.values()))
    yield from dict.fromkeys((path, variant) for lists in shared for variant, path in lists.items())
    for name in view.systems:
        if view.tree.exists(path := BASE_LIST.format(name)):
            yield path, name


def package_list_faults(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return every line that is no package's name, of the lists of the catalogue and of each release's own."""
    faults = Faults()
    # A release whose folder cannot be used is reported by whoever checks that.
    for view in every_view(catalogue, Faults()):
        for path, _ in package_lists(view):
            with faults:
                read_os_packages(view.tree, path)
    return list(dict.fromkeys(faults.found))


def needed_packages(catalogue: Catalogue) -> dict[str, dict[str, list[str]]]:
    """Return, by system, every package that its lists name, each with the places (path and line) that name it.

    They are those of the catalogue and of each release's own folder. Raises FaultsError for a list that cannot be read.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for view in every_view(catalogue, Faults()):
        parts: list[Bundle | Ide] = [*view.bundles.values(), *view.ides.values()]
        for os in view.systems:
            paths = dict.fromkeys(path for part in parts for path in lists_of(view, part, os))
            optional = (lists for ide in view.ides.values() for lists in ide.options.values())
            paths |= dict.fromkeys(path for lists in optional if (path := view.variant(lists, os)) is not None)
            if view.tree.exists(base := BASE_LIST.format(os)):
                paths[base] = None
            for path in paths:
                read_os_packages(view.tree, path)
                for number, name, _ in packages_of(view.tree.text(path)):
                    places = found.setdefault(os, {}).setdefault(name, [])
                    if (place := f"{view.tree.place(path)}:{number}") not in places:
                        places.append(place)
    return found
