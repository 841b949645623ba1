"""What the folders of bundles and IDEs have in common: numbers, labels, variants, rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from workbench.catalog.faults import Fault, Faults
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Rules
from workbench.errors import WorkbenchError
from workbench.names import NAME_RULE, is_name, is_near, suggestion

_NUMBERED = re.compile(r"(\d+)-(.+)")
LONGEST_LABEL = 200

RULES = {
    "cuda": ("required", "optional", "never"),
    "cuda_why": str,
    "os": list,
    "python": list,
    "needs": list,
    "provides": list,
    "architectures": list,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of a bundle or an IDE, with what is at its top."""

    name: str
    folder: str
    folders: list[str]
    files: list[str]


PartT = TypeVar("PartT")


def read_parts(
    tree: CatalogueTree,
    kind: str,
    read: Callable[[CatalogueTree, Part, Faults], PartT],
    faults: Faults,
    broken: dict[str, tuple[Fault, ...]],
) -> Iterator[tuple[str, PartT]]:
    """Yield `(official name, what read returned)` for each folder below `kind`, in menu order.

    By number first (10 after 9, fault W14), then those without a number by name. Two folders
    with one official name are a fault that names both. One with a fault is in `broken` by its name instead.
    """
    with faults:
        folders, _ = tree.folder(kind)
        paths: dict[str, str] = {}
        for folder in sorted((name for name in folders if name[0] not in "._"), key=_menu_order):
            name, path = official_name(folder), f"{kind}/{folder}"
            if not is_name(name):
                faults.add(path, f"{name!r} cannot be part of a tag: {NAME_RULE}")
            elif name in paths:
                own = Faults()
                own.add(path, f"has the official name {name!r}, and so has {paths[name]}")
                broken[name] = (*broken.get(name, ()), *faults.take(own))
            else:
                paths[name] = path
                own, part = Faults(), None
                with own:
                    part = read(tree, Part(name, path, *tree.folder(path)), own)
                if found := faults.take(own):
                    broken[name] = found
                elif part is not None:
                    yield name, part


def official_name(folder: str) -> str:
    """Return the name of a bundle or IDE folder without its number: "10-stable-studio" gives "stable-studio"."""
    numbered = _NUMBERED.fullmatch(folder)
    return numbered[2] if numbered else folder


def _menu_order(folder: str) -> tuple[bool, int, str]:
    numbered = _NUMBERED.fullmatch(folder)
    return (numbered is None, int(numbered[1]) if numbered else 0, folder)


def read_label(tree: CatalogueTree, part: Part, faults: Faults, file: str = "display.txt") -> str:
    """Return the first line of the part's label in `file`; missing, empty or unprintable is a fault."""
    path = f"{part.folder}/{file}"
    if file not in part.files:
        faults.add(path, f"is missing: the wizard needs a label for {part.folder}")
        return ""
    label = ""
    with faults:
        label = tree.text(path).partition("\n")[0].strip()
        if not label:
            faults.add(path, f"has an empty first line: the wizard needs a label for {part.folder}")
        elif not label.isprintable():
            faults.add(path, "has control characters in its first line")
        elif len(label) > LONGEST_LABEL:
            faults.add(path, f"has a first line of {len(label)} characters, and {LONGEST_LABEL} are allowed")
    return label


def variants(folder: str, files: list[str], stem: str, suffixes: tuple[str, ...], faults: Faults) -> dict[str, str]:
    """Return the paths of `stem[.variant]suffix` in `folder` by variant ("" is the plain one).

    A variant is the name of an operating system or of a family of them. A plain snippet and a
    template of one variant are a fault, for which of them is meant?
    """
    found: dict[str, str] = {}
    for file in files:
        suffix = next((suffix for suffix in suffixes if file.endswith(suffix)), None)
        if suffix is None:
            continue
        rest = file.removesuffix(suffix)
        if rest != stem and not rest.startswith(f"{stem}."):
            continue
        variant = rest[len(stem) + 1 :]
        if variant in found:
            faults.add(f"{folder}/{file}", f"stands beside {found[variant]}: keep one of the two")
        found[variant] = f"{folder}/{file}"
    return found


SNIPPET = (".snippet", ".snippet.j2")


def read_section(
    tree: CatalogueTree, part: Part, name: str, stem: str, suffixes: tuple[str, ...], faults: Faults
) -> dict[str, str]:
    """Return the variants of one sub-folder's file; a sub-folder without it is a fault (W25)."""
    if name not in part.folders:
        return {}
    folder = f"{part.folder}/{name}"
    found = variants(folder, tree.folder(folder)[1], stem, suffixes, faults)
    if not found:
        faults.add(folder, f"has no {stem}{suffixes[0]}: add it or remove the folder")
    return found


def rules_from(data: dict[str, Any], partners: str) -> Rules:
    """Return the rules of a checked bundle.toml or ide.toml; `partners` is its key for the other kind."""

    def words(key: str) -> tuple[str, ...] | None:
        return tuple(data[key]) if key in data else None

    return Rules(
        cuda=data.get("cuda", "optional"),
        cuda_why=data.get("cuda_why", ""),
        oses=words("os"),
        pythons=words("python"),
        partners=words(partners),
        needs=words("needs") or (),
        provides=words("provides") or (),
        architectures=words("architectures"),
    )


def check_known(where: str, what: str, named: Collection[str], known: Collection[str], faults: Faults) -> None:
    """Add a fault for every name that is not among the known ones."""
    for name in named:
        if name not in known:
            faults.add(where, f"no {what} is named {name!r}: {suggestion(name, known)}")


def check_spelled(where: str, what: str, named: Collection[str], known: Collection[str], faults: Faults) -> None:
    """Add a fault for every name that is almost one of the known ones.

    Any other that is not known is of something that this catalogue leaves out, and harms nobody.
    """
    check_known(where, what, [name for name in named if is_near(name, known)], known, faults)


def require(tree: CatalogueTree, path: str) -> None:
    """Raise WorkbenchError when the catalogue has nothing at `path`."""
    if not tree.exists(path):
        raise WorkbenchError("is missing", where=path)
