"""The first release of a catalogue that has none, such as one that was made for the original."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.catalog.cuda_layers import layer_folder
from workbench.catalog.values import Catalogue, ReleaseSystem
from workbench.commands import here
from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.parser import instructions
from workbench.errors import UsageError, WorkbenchError
from workbench.names import NAME_RULE, is_image, is_name, is_qualified, python_of, python_version


@dataclass(frozen=True, slots=True)
class FirstRelease:
    """The text of a release file, and what its reader should look at."""

    text: str
    notes: tuple[str, ...]


def first_release(
    catalogue: Catalogue, name: str, since: str, images: Mapping[str, str], known: Mapping[str, ReleaseSystem]
) -> FirstRelease:
    """Return a release file `name`, supported from the day `since`, that pins what `catalogue` is made for.

    Its systems are those of `images`, each with its root image; without any, those that have a folder in base/. Root
    images that are not named are those of `known`. Its Pythons are those that bundles and bases have folders for, its
    CUDA what the Containerfile of the lowest layer sets. Raises UsageError for an image that is none, and
    WorkbenchError when no system or no Python can be found.
    """
    for os, image in images.items():
        if not is_name(os):
            raise UsageError(f"{os!r} cannot name an operating system: {NAME_RULE}")
        if not (is_image(image) and is_qualified(image)):
            raise UsageError(f"{image!r} is no fully qualified image", hint="write --os c9s=quay.io/team/python:c9s")
    systems = dict(images) or {os: known[os].image for os in catalogue.tree.folder("base")[0] if os in known}
    if not systems:
        raise WorkbenchError(
            "there is no release to start from, and no folder in base/ that names an operating system",
            hint="name them with their root images: "
            f"`{here(f'release new {name} --os c9s=quay.io/sclorg/python-312-c9s:c9s')}`",
        )
    pythons = {os: _pythons(catalogue, os) for os in systems}
    if missing := [os for os, found in pythons.items() if not found]:
        raise WorkbenchError(f"no bundle has packages for a Python on {missing[0]}", where="bundles")
    os = next(iter(systems))
    answers = {"os": os, "python": pythons[os][0]}
    answers |= {kind: next(iter(parts)) for kind, parts in _parts(catalogue) if parts}
    tables: list[tuple[str, Mapping[str, object]]] = [("defaults", answers)]
    if cuda := _cuda(catalogue):
        tables.append(("cuda", {"version": cuda}))
    tables += [(f"os.{os}", {"image": image, "pythons": pythons[os]}) for os, image in systems.items()]
    lines = [f"# Release {name}, made on {since} from what this catalogue holds.", f"display = {json.dumps(name)}"]
    for table, values in tables:
        lines += ["", f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    # Those that were named were chosen for their Python.
    taken = {} if images else systems
    notes = [
        f"the root image of {os} is {image}: see that it has Python {' and '.join(pythons[os])}"
        for os, image in taken.items()
    ]
    return FirstRelease("\n".join([*lines, ""]), tuple(notes))


def _parts(catalogue: Catalogue) -> Iterator[tuple[str, Mapping[str, object]]]:
    yield "bundle", catalogue.bundles
    yield "ide", catalogue.ides


def _pythons(catalogue: Catalogue, os: str) -> list[str]:
    """Return the Pythons that bundles have folders for, and the base of `os` too where it has some, newest first."""
    folders = {folder for bundle in catalogue.bundles.values() for folder in (*bundle.pythons, *bundle.unlocked)}
    found = {version for folder in folders if (version := python_version(folder))}
    names = catalogue.tree.folder(f"base/{os}")[0]
    of_base = {version for name in names if (version := python_of(name))}
    return sorted(found & of_base or found, key=lambda version: int(version.partition(".")[2]), reverse=True)


def _cuda(catalogue: Catalogue) -> str:
    """Return the version that the Containerfile of the lowest CUDA layer sets, "" where there is none."""
    path = f"{layer_folder('base')}/{CONTAINERFILE}"
    if not catalogue.tree.exists(path):
        return ""
    for item in instructions(catalogue.tree.text(path)):
        words = " ".join(item.args).replace("=", " ").split()
        if item.word == "ENV" and words[:1] == ["CUDA_VERSION"] and len(words) > 1:
            return words[1].strip("\"'")
    return ""
