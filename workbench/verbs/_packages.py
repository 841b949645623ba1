"""`check --packages`: the operating systems' own indexes are queried for every package that lists name."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from workbench.catalog.package_lists import needed_packages
from workbench.catalog.unavailable import path_of
from workbench.catalog.values import Catalogue
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.images.package_index import image_of, missing_packages

_HEADER = """\
# Packages of the lists that {os} does not have: `check --packages --record` wrote this from its own index.
# What needs one of them is not offered on {os}.
"""


def check_packages(catalogue: Catalogue, *, record: bool) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """Return how many packages were looked for and in how many systems, and the faults.

    A missing package is a fault where a list names it, and one that is recorded as missing and is there again too;
    with `record` the records of the systems are brought up to date instead. A system without an image on this machine
    is reported and not checked. Raises WorkbenchError when no system could be checked.
    """
    faults: list[tuple[str, str]] = []
    checked, count = [], 0
    for name, places in needed_packages(catalogue).items():
        image = image_of(catalogue, name)
        if not image:
            made = here(f"os-image --os {name}")
            print(f"not checked: {name} has no image on this machine: `{made}` makes one", file=sys.stderr)
            continue
        checked.append(name)
        count += len(places)
        missing = missing_packages(image, list(places))
        if record:
            _record(catalogue, name, missing)
            continue
        known = catalogue.systems[name].unavailable
        faults += [
            (place, f"{name} has no package {each}") for each in missing if each not in known for place in places[each]
        ]
        faults += [(path_of(name), f"{each} is there again") for each in sorted(known.difference(missing))]
    if not checked:
        raise WorkbenchError(
            "no operating system has an image on this machine, so no package was looked for",
            hint=f"`{here('os-image --os NAME')}` or `{here('base --help')}` makes one",
        )
    return {"packages": count, "of": ", ".join(checked)}, faults


def _record(catalogue: Catalogue, name: str, missing: Collection[str]) -> None:
    path = os.path.join(catalogue.tree.root, path_of(name))
    if missing:
        write_whole(path, _HEADER.format(os=name) + "".join(f"{each}\n" for each in sorted(missing)))
        print(f"{path_of(name)}: {', '.join(sorted(missing))}")
    elif os.path.exists(path):
        os.unlink(path)
        print(f"{path_of(name)} is removed: nothing is missing")
