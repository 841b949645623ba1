"""Reading one folder of `ides/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.catalog.default_rules import default_rules
from workbench.catalog.faults import Faults
from workbench.catalog.parts import (
    RULES,
    SNIPPET,
    Part,
    check_known,
    official_name,
    read_label,
    read_section,
    rules_from,
    variants,
)
from workbench.catalog.toml_file import read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Ide, Rules
from workbench.extensions import is_extension

# The types of an image: with an IDE that serves a page, or without one.
WORKBENCH, RUNTIME = "workbench", "runtime"
_KEYS = {
    **RULES,
    "bundles": list,
    "uses": list,
    "extensions": list,
    "image_type": (WORKBENCH, RUNTIME),
    "options": {"*": bool},
}


def read_ide(tree: CatalogueTree, part: Part, faults: Faults) -> Ide:
    """Return the IDE in the folder of `part`; what is wrong with it is added to `faults`."""
    data = _data(tree, part.folder, part.name, faults)
    snippet = variants(part.folder, part.files, part.name, SNIPPET, faults)
    if not snippet:
        faults.add(part.folder, f"has no {part.name}.snippet")
    uses = _uses(tree, part, tuple(data.get("uses", ())), faults)
    extensions = tuple(dict.fromkeys(data.get("extensions", ())))
    for name in extensions:
        if not is_extension(name):
            faults.add(f"{part.folder}/ide.toml", f"{name!r} is no extension: write it as ms-python.python")
    options = _options(tree, part, data.get("options", {}), faults)
    return Ide(
        name=part.name,
        folder=part.folder,
        display=read_label(tree, part, faults),
        rules=rules_from(data, "bundles"),
        # A catalogue of the original has no ide.toml, and there only the name shows it.
        image_type=data.get("image_type", RUNTIME if part.name == RUNTIME else WORKBENCH),
        uses=uses,
        builder=read_section(tree, part, "builder", "builder", SNIPPET, faults),
        snippet=snippet,
        os_packages=_os_packages(tree, part, bool(options), faults),
        shared_packages=tuple(_shared_packages(tree, name, faults) for name in uses),
        extensions=extensions,
        options=options,
        chosen=tuple(name for name in options if data["options"][name]),
    )


def ide_rules(tree: CatalogueTree, folder: str, faults: Faults) -> Rules:
    """Return the rules of the IDE in `folder`; a wrong ide.toml is added to `faults`."""
    return rules_from(_data(tree, folder, official_name(folder.rpartition("/")[2]), faults), "bundles")


def _data(tree: CatalogueTree, folder: str, name: str, faults: Faults) -> dict[str, Any]:
    path = f"{folder}/ide.toml"
    return read_toml(tree, path, _KEYS, faults) if tree.exists(path) else default_rules("ide", name)


def _uses(tree: CatalogueTree, part: Part, uses: tuple[str, ...], faults: Faults) -> tuple[str, ...]:
    """Return the folders of `snippets/` that are there among `uses`; each that is not is a fault."""
    shared = tree.folder("snippets")[0] if uses else []
    check_known(f"{part.folder}/ide.toml", "folder of snippets/", uses, shared, faults)
    return tuple(name for name in uses if name in shared)


def _os_packages(tree: CatalogueTree, part: Part, optional: bool, faults: Faults) -> Mapping[str, str]:
    """Return the IDE's own package lists by variant. Beside lists for its options it needs none."""
    if optional:
        folder = f"{part.folder}/os"
        return variants(folder, tree.folder(folder)[1], "os-packages", (".txt",), faults)
    return read_section(tree, part, "os", "os-packages", (".txt",), faults)


def _options(
    tree: CatalogueTree, part: Part, named: Mapping[str, bool], faults: Faults
) -> Mapping[str, Mapping[str, str]]:
    """Return the package lists of each option, by variant; an option without a list is a fault."""
    folder = f"{part.folder}/os"
    files = tree.folder(folder)[1] if "os" in part.folders else []
    found = {name: variants(folder, files, name, (".txt",), faults) for name in named}
    for name in (name for name, lists in found.items() if not lists):
        faults.add(f"{part.folder}/ide.toml", f"the option {name!r} has no list: add os/{name}.txt or remove it")
    return {name: lists for name, lists in found.items() if lists}


def _shared_packages(tree: CatalogueTree, name: str, faults: Faults) -> Mapping[str, str]:
    """Return the package lists of a folder of `snippets/` by variant: what everybody who uses it installs too."""
    folder = f"snippets/{name}"
    return read_section(tree, Part(name, folder, *tree.folder(folder)), "os", "os-packages", (".txt",), faults)
