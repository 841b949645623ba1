"""Reading the folders of `bundles/`, and what a bundle builds on: `extends` in its bundle.toml, to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.catalog.faults import Faults
from workbench.catalog.parts import RULES, SNIPPET, Part, official_name, read_label, read_section, rules_from
from workbench.catalog.toml_file import line_of, read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Bundle, Rules
from workbench.errors import WorkbenchError
from workbench.names import python_version, suggestion

_KEYS = {**RULES, "ides": list, "extends": str}


def read_bundle(tree: CatalogueTree, part: Part, faults: Faults) -> Bundle:
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


def extends_of(tree: CatalogueTree, folder: str, faults: Faults) -> str:
    """Return the bundle that the one in `folder` builds on, "" for none; a wrong bundle.toml is added to `faults`."""
    return str(_rules(tree, folder, faults).get("extends", "")) if tree.exists(f"{folder}/bundle.toml") else ""


def rules_of(tree: CatalogueTree, folder: str, faults: Faults) -> Rules:
    """Return the rules of the bundle in `folder`; a wrong bundle.toml is added to `faults`."""
    return rules_from(_rules(tree, folder, faults) if tree.exists(f"{folder}/bundle.toml") else {}, "ides")


def _rules(tree: CatalogueTree, folder: str, faults: Faults) -> dict[str, Any]:
    return read_toml(tree, f"{folder}/bundle.toml", _KEYS, faults)


def _requirements(tree: CatalogueTree, folder: str, faults: Faults) -> tuple[str, ...]:
    files = tree.folder(folder)[1]
    found = tuple(file for file in files if file.startswith("requirements") and file.endswith(".txt"))
    if "requirements.txt" not in found:
        locked = "run `make lock`" if "Pipfile" in files else "add it or remove the folder"
        faults.add(folder, f"has no requirements.txt: {locked}")
    return found


def bundle_folders(tree: CatalogueTree) -> dict[str, str]:
    """Return the folder of every bundle by official name, those that have a fault included."""
    return {official_name(name): f"bundles/{name}" for name in tree.folder("bundles")[0]}


def ancestors(
    tree: CatalogueTree, folders: Mapping[str, str], extends: Mapping[str, str], name: str
) -> tuple[str, ...]:
    """Return the bundles that `name` builds on: the one at the bottom first, its own parent last.

    `extends` holds each bundle's parent, "" for none. Raises WorkbenchError, with the line that
    says it, when a parent is unknown or the chain is a circle.
    """
    chain = [name]
    while parent := extends.get(chain[-1], ""):
        if parent not in folders or parent in chain:
            path = f"{folders[chain[-1]]}/bundle.toml"
            where = f"{path}:{line_of(tree.text(path), ('extends',))}"
            if parent in chain:
                raise WorkbenchError(f"extends {parent}, which builds on {chain[-1]} itself", where=where)
            raise WorkbenchError(f"no bundle is named {parent!r}: {suggestion(parent, folders)}", where=where)
        chain.append(parent)
    return tuple(reversed(chain[1:]))


def inherit(tree: CatalogueTree, bundles: Mapping[str, Bundle], faults: Faults) -> dict[str, Bundle]:
    """Return `bundles` with what each builds on; it provides what those do, and counts as each of them."""
    folders, extends = bundle_folders(tree), {name: bundle.extends for name, bundle in bundles.items()}
    found = dict(bundles)
    for name, bundle in bundles.items():
        if not bundle.extends:
            continue
        with faults:
            above = ancestors(tree, folders, extends, name)
            provided = [word for each in above if each in bundles for word in (each, *bundles[each].rules.provides)]
            rules = replace(bundle.rules, provides=tuple(dict.fromkeys([*provided, *bundle.rules.provides])))
            found[name] = replace(bundle, above=above, rules=rules)
    return found
