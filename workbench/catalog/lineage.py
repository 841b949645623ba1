"""What a bundle builds on: `extends` in its bundle.toml, followed to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.catalog.faults import Faults
from workbench.catalog.parts import official_name
from workbench.catalog.toml_file import line_of
from workbench.catalog.tree import Tree
from workbench.catalog.values import Bundle
from workbench.errors import WorkbenchError
from workbench.names import suggestion


def bundle_folders(tree: Tree) -> dict[str, str]:
    """Return the folder of every bundle by official name, those that have a fault included."""
    return {official_name(name): f"bundles/{name}" for name in tree.folder("bundles")[0]}


def ancestors(tree: Tree, folders: Mapping[str, str], extends: Mapping[str, str], name: str) -> tuple[str, ...]:
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


def inherit(tree: Tree, bundles: Mapping[str, Bundle], faults: Faults) -> dict[str, Bundle]:
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
