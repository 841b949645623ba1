"""Does a base fit what a recipe's tag says of it? Checked before minutes are spent on it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping

from workbench.catalog.bases import names_cuda
from workbench.catalog.questions import Selection
from workbench.compose.recipe import MANIFEST
from workbench.errors import WorkbenchError
from workbench.images.base_chain import command_to_make
from workbench.images.probe.base import BaseInfo
from workbench.locations import ROOT
from workbench.names import is_name
from workbench.recipes.read import RecipeManifest, read_manifest

# This catalogue's systems; another catalogue's are known if they have the same name.
_SYSTEMS = str(ROOT / "base")


def manifest_of(folder: str) -> RecipeManifest | None:
    """Return the manifest of the recipe in `folder`, None when it is no recipe."""
    return read_manifest(folder) if os.path.exists(os.path.join(folder, MANIFEST)) else None


def check_fit(recipe: RecipeManifest, base: BaseInfo) -> None:
    """Raise WorkbenchError when the base is another one than the recipe's tag promises.

    Only what the base has is compared: a system without a name is trusted to be the right one.
    """
    if wrong := list(misfits(recipe.selection, base, known_system(recipe.selection.os))):
        make = command_to_make(base.image)
        raise WorkbenchError(
            f"the base {base.image} does not fit the tag {recipe.tag}: {'; '.join(wrong)}",
            hint="compose the recipe on another base" + (f", or make this one again with {make}" if make else ""),
        )


def misfits(selection: Selection, base: BaseInfo, system: Mapping[str, str]) -> Iterator[str]:
    """Yield what the selection says of the base and is not so; `system` is what its os-release should have."""
    if base.system and any(base.system.get(name, "") != value for name, value in system.items()):
        yield f"it is {base.system_name or 'another system'}, and not {selection.os}"
    if base.python and base.python != selection.python:
        yield f"its Python is {base.python}, and not {selection.python}"
    if names_cuda(selection.base) and base.system and not base.cuda:
        yield "it has no CUDA (no CUDA_VERSION in its environment)"
    if not names_cuda(selection.base) and base.cuda:
        yield f"it has CUDA {base.cuda}, of which the tag says nothing"


def known_system(name: str) -> Mapping[str, str]:
    """Return what the os-release of a system has, as the catalogue's os.toml says; empty for an unknown one."""
    path = os.path.join(_SYSTEMS, name, "os.toml")
    if not is_name(name) or not os.path.exists(path):
        return {}
    with open(path, "rb") as file:
        settings = tomllib.load(file).get("os-release", {})
    return {str(key): str(value) for key, value in settings.items()}
