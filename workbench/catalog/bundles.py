"""Reading the folders of `bundles/`, and what a bundle builds on: `extends` in its bundle.toml, to the end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from workbench.catalog.default_rules import default_rules
from workbench.catalog.faults import Fault, Faults
from workbench.catalog.parts import RULES, SNIPPET, Part, official_name, read_label, read_section, rules_from
from workbench.catalog.toml_file import line_of, read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Bundle, Rules
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.indexes import further_variables
from workbench.names import lists_of_folder, python_of_lists, suggestion

_KEYS = {**RULES, "ides": list, "extends": str}


def read_bundle(tree: CatalogueTree, part: Part, faults: Faults) -> Bundle:
    """Return the bundle in the folder of `part`; what is wrong with it is added to `faults`."""
    data = _rules(tree, part.folder, faults)
    folders = [folder for folder in part.folders if python_of_lists(folder) is not None]
    unlocked = {folder: why for folder in folders if (why := _unlocked(tree, f"{part.folder}/{folder}"))}
    return Bundle(
        name=part.name,
        folder=part.folder,
        display=read_label(tree, part, faults),
        rules=rules_from(data, "ides"),
        builder=read_section(tree, part, "builder", "builder", SNIPPET, faults),
        os_packages=read_section(tree, part, "os", "os-packages", (".txt",), faults),
        custom=read_section(tree, part, "custom", "custom", SNIPPET, faults),
        pythons={
            folder: _requirements(tree, f"{part.folder}/{folder}") for folder in folders if folder not in unlocked
        },
        any_python="selection-override" in part.files,
        extends=data.get("extends", ""),
        unlocked=unlocked,
        displays=_displays(tree, part, {lists_of_folder(folder) for folder in folders} - {""}, faults),
    )


def _displays(tree: CatalogueTree, part: Part, lists: Collection[str], faults: Faults) -> dict[str, str]:
    """Return the labels of a bundle on bases that have `lists` of their own, as far as it has some: display.cpu.txt."""
    files = {name: f"display.{name}.txt" for name in sorted(lists)}
    return {name: read_label(tree, part, faults, file) for name, file in files.items() if file in part.files}


def extends_of(tree: CatalogueTree, folder: str, faults: Faults) -> str:
    """Return the bundle that the one in `folder` builds on, "" for none; a wrong bundle.toml is added to `faults`."""
    return str(_rules(tree, folder, faults).get("extends", ""))


def rules_of(tree: CatalogueTree, folder: str, faults: Faults) -> Rules:
    """Return the rules of the bundle in `folder`; a wrong bundle.toml is added to `faults`."""
    return rules_from(_rules(tree, folder, faults), "ides")


def _rules(tree: CatalogueTree, folder: str, faults: Faults) -> dict[str, Any]:
    path = f"{folder}/bundle.toml"
    if not tree.exists(path):
        return default_rules("bundle", official_name(folder.rpartition("/")[2]))
    return read_toml(tree, path, _KEYS, faults)


def _requirements(tree: CatalogueTree, folder: str) -> tuple[str, ...]:
    return tuple(file for file in tree.folder(folder)[1] if file.startswith("requirements") and file.endswith(".txt"))


def _unlocked(tree: CatalogueTree, folder: str) -> str:
    """Return why nothing can be installed from the lists in the folder of a Python, "" when it can."""
    if "requirements.txt" in _requirements(tree, folder):
        return ""
    if not _has_pipfile(tree, folder):
        return "has no requirements.txt: add it or remove the folder"
    variables = further_variables(tree.text(f"{folder}/Pipfile"))
    index = f"set {' and '.join(variables)}, and " if variables else ""
    return f"has no requirements.txt: {index}run `{here('lock')}`"


def _has_pipfile(tree: CatalogueTree, folder: str) -> bool:
    return "Pipfile" in tree.folder(folder)[1]


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


def unlocked_folders(tree: CatalogueTree) -> list[Fault]:
    """Return the folder of every Python of a bundle that has no requirements.txt, and what to do.

    Lists for certain bases that are not locked are none: not everybody has the package index that they need, and
    where they are missing the bundle is not offered on those bases.
    """
    folders = [f"{bundle}/{name}" for bundle in bundle_folders(tree).values() for name in tree.folder(bundle)[0]]
    return [
        (folder, why)
        for folder in folders
        if python_of_lists(name := folder.rpartition("/")[2]) is not None
        and not (lists_of_folder(name) and _has_pipfile(tree, folder))
        and (why := _unlocked(tree, folder))
    ]


def inherit(
    tree: CatalogueTree, bundles: Mapping[str, Bundle], faults: Faults, broken: dict[str, tuple[Fault, ...]]
) -> dict[str, Bundle]:
    """Return `bundles` with what each builds on; it provides what those do, and counts as each of them.

    One whose chain leads nowhere, or to a bundle that is `broken`, is taken out and is in `broken` too.
    """
    folders, extends = bundle_folders(tree), {name: bundle.extends for name, bundle in bundles.items()}
    found = dict(bundles)
    # What stands on a broken bundle is reported with that one, and not once more.
    stopped = dict.fromkeys(broken, ())
    for name, bundle in bundles.items():
        own = Faults()
        above: tuple[str, ...] = ()
        with own:
            above = ancestors(tree, folders, extends, name)
        cause = next((each for each in above if each in stopped), "")
        if own.found or cause:
            del found[name]
            where = f"{bundle.folder}/bundle.toml"
            broken[name] = faults.take(own) or ((where, f"extends {cause}, which has a fault"), *broken[cause])
        elif above:
            provided = [word for each in above for word in (each, *bundles[each].rules.provides)]
            rules = replace(bundle.rules, provides=tuple(dict.fromkeys([*provided, *bundle.rules.provides])))
            found[name] = replace(bundle, above=above, rules=rules)
    return found
