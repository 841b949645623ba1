"""Reading one folder of `bundles/`."""

from __future__ import annotations

from typing import Any

from workbench.catalog.faults import Faults
from workbench.catalog.parts import RULES, SNIPPET, Part, read_label, read_section, rules_from
from workbench.catalog.toml_file import read_toml
from workbench.catalog.tree import Tree
from workbench.catalog.values import Bundle
from workbench.names import python_version

_KEYS = {**RULES, "ides": list, "extends": str}


def read_bundle(tree: Tree, part: Part, faults: Faults) -> Bundle:
    """Return the bundle in the folder of `part`; what is wrong with it is added to `faults`."""
    data = _rules(tree, part.folder, faults) if "bundle.toml" in part.files else {}
    return Bundle(
        name=part.name,
        folder=part.folder,
        display=read_label(tree, part, faults),
        rules=rules_from(data, "ides"),
        builder=read_section(tree, part, "builder", "builder", SNIPPET, faults),
        os_packages=read_section(tree, part, "os", "os-packages", (".txt",), faults),
        custom=read_section(tree, part, "custom", "custom", SNIPPET, faults),
        pythons={
            folder: _requirements(tree, f"{part.folder}/{folder}", faults)
            for folder in part.folders
            if python_version(folder) is not None
        },
        any_python="selection-override" in part.files,
        extends=data.get("extends", ""),
    )


def extends_of(tree: Tree, folder: str, faults: Faults) -> str:
    """Return the bundle that the one in `folder` builds on, "" for none; a wrong bundle.toml is added to `faults`."""
    return str(_rules(tree, folder, faults).get("extends", "")) if tree.exists(f"{folder}/bundle.toml") else ""


def _rules(tree: Tree, folder: str, faults: Faults) -> dict[str, Any]:
    return read_toml(tree, f"{folder}/bundle.toml", _KEYS, faults)


def _requirements(tree: Tree, folder: str, faults: Faults) -> tuple[str, ...]:
    files = tree.folder(folder)[1]
    found = tuple(file for file in files if file.startswith("requirements") and file.endswith(".txt"))
    if "requirements.txt" not in found:
        locked = "run `make lock`" if "Pipfile" in files else "add it or remove the folder"
        faults.add(folder, f"has no requirements.txt: {locked}")
    return found
