"""The layers of large packages that a recipe has: which lists are divided for it, and the files that come of that."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.catalog.layers import LayerRule
from workbench.catalog.sizes import SIZES, PackageSize, Pin, read_sizes
from workbench.compose.layers import ListPart, list_parts
from workbench.compose.recipe import RecipeFile
from workbench.compose.resolve import ResolvedSelection
from workbench.errors import WorkbenchError
from workbench.packages import pins

# The shared snippet that installs such a layer, and the name in it that stands for the layer's list.
FOLDER, STEM, LIST = "bundles", "python_packages_layer", "requirements.txt"


@dataclass(frozen=True, slots=True)
class LayerFile:
    """The list of a layer: its name in the recipe, its text, the list that it is a part of, from what size on."""

    name: str
    text: str
    origin: str
    megabytes: int


@dataclass(frozen=True, slots=True)
class DividedLists:
    """The layers of large packages of a recipe, in the order that they are installed: the bundle's, and the IDE's."""

    bundle: tuple[LayerFile, ...] = ()
    ide: tuple[LayerFile, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of all the lists in the recipe."""
        return frozenset(each.name for each in (*self.bundle, *self.ide))


def divided_lists(resolved: ResolvedSelection, inputs: dict[str, str]) -> DividedLists:
    """Return how the lists of a recipe are divided by its release: not at all where no sizes are recorded.

    The IDE's has no layer with what the bundle's brings. The digest of the record is added to `inputs` where
    something came of it.
    """
    tree, rule = resolved.catalogue.tree, resolved.release.layers
    folder = f"{resolved.bundle.folder}/{resolved.lists}"
    if not rule.sizes or not tree.exists(f"{folder}/{SIZES}"):
        return DividedLists()
    lists, sizes = resolved.bundle.pythons.get(resolved.lists, ()), tree.text(f"{folder}/{SIZES}")
    own, ide = "requirements.txt", f"requirements-{resolved.ide.name}.txt"
    installed = tree.text(f"{folder}/{own}") if own in lists else ""
    found = DividedLists(
        _files(_parts(installed, sizes, rule, ""), "", f"{folder}/{own}"),
        _files(_parts(tree.text(f"{folder}/{ide}"), sizes, rule, installed), f"-{resolved.ide.name}", f"{folder}/{ide}")
        if ide in lists
        else (),
    )
    if found.names:
        inputs[f"{folder}/{SIZES}"] = tree.digest(f"{folder}/{SIZES}")
    return found


def with_layers(files: Mapping[str, RecipeFile], divided: DividedLists) -> dict[str, RecipeFile]:
    """Return the files of a recipe with the lists of its layers.

    Raises WorkbenchError when another file has the place of one.
    """
    found = dict(files)
    for each in (*divided.bundle, *divided.ide):
        if each.name in files:
            raise WorkbenchError(f"takes the place of the recipe's own {each.name}", where=files[each.name].origin)
        found[each.name] = RecipeFile(each.text.encode(), False, each.origin)
    return found


def _files(parts: Sequence[ListPart], whose: str, origin: str) -> tuple[LayerFile, ...]:
    return tuple(LayerFile(f"large{whose}-{each.megabytes}MB.txt", each.text, origin, each.megabytes) for each in parts)


# A bundle's list is divided once for all its recipes.
@functools.lru_cache(maxsize=256)
def _parts(text: str, sizes: str, rule: LayerRule, installed: str) -> tuple[ListPart, ...]:
    return tuple(list_parts(text, _sizes(sizes), rule, _pins(installed)))


@functools.lru_cache(maxsize=16)
def _sizes(text: str) -> dict[Pin, PackageSize]:
    return read_sizes(text)


@functools.lru_cache(maxsize=16)
def _pins(text: str) -> frozenset[Pin]:
    return frozenset(pins(text))
