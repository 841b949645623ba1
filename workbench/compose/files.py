"""The files that a recipe's sections copy, and where in the catalogue each is from."""

from __future__ import annotations

from dataclasses import replace

from workbench.catalog.os_packages import read_os_packages
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.unavailable import lists_of
from workbench.catalog.values import Catalogue
from workbench.compose.recipe import CONTAINERFILE, MANIFEST, RecipeFile
from workbench.compose.resolve import ResolvedSelection
from workbench.errors import WorkbenchError

OS_PACKAGES = "os-packages.txt"


def recipe_files(resolved: ResolvedSelection, inputs: dict[str, str]) -> dict[str, RecipeFile]:
    """Return the files that the catalogue gives to the recipe, by their place in the folder.

    The digests of all that they are made from are added to `inputs`. Raises WorkbenchError when
    two of them want one place, or the recipe's own.
    """
    catalogue, bundle, ide, os = resolved.catalogue, resolved.bundle, resolved.ide, resolved.system.name
    tree, folder_of_lists = catalogue.tree, resolved.lists
    places: list[tuple[str, str]] = []
    for part in ("builder", "custom"):
        folder = f"{bundle.folder}/{part}/files"
        places += [(name, f"{folder}/{name}") for name in tree.walk(folder)]
    lists = lists_of(catalogue, bundle, os)
    if lists:
        places.append((OS_PACKAGES, lists[-1]))
    snippet = tree.text(catalogue.variant(ide.snippet, os) or "")
    for name in bundle.pythons.get(folder_of_lists, ()):
        # The lists beyond the first are for the IDEs that ask for them: Jupyter's for Jupyter.
        if name == "requirements.txt" or name == f"requirements-{ide.name}.txt" or name in snippet:
            places.append((name, f"{bundle.folder}/{folder_of_lists}/{name}"))
    for folder in (f"{ide.folder}/builder/files", f"{ide.folder}/files"):
        places += [(name, f"{folder}/{name}") for name in tree.walk(folder)]
    for shared in ide.uses:
        folder = f"snippets/{shared}/files"
        places += [(f"{shared}/{name}", f"{folder}/{name}") for name in tree.walk(folder)]
    ide_lists = lists_of(catalogue, ide, os)
    if ide_lists:
        places.append((f"os-ide/{OS_PACKAGES}", ide_lists[-1]))
    files = _placed(catalogue, places)
    for origin in [*lists, *ide_lists, *(file.origin for file in files.values())]:
        inputs[origin] = tree.digest(origin)
    for place, paths in ((OS_PACKAGES, lists), (f"os-ide/{OS_PACKAGES}", ide_lists)):
        if paths:
            files[place] = replace(files[place], data=_packages(tree, paths))
    return files


def _packages(tree: CatalogueTree, lists: list[str]) -> bytes:
    """Return one list of the packages of all `lists`, each once, without comments: what installs it reads none."""
    packages = dict.fromkeys(package for path in lists for package in read_os_packages(tree, path))
    return "".join(f"{package}\n" for package in packages).encode()


def _placed(catalogue: Catalogue, places: list[tuple[str, str]]) -> dict[str, RecipeFile]:
    files: dict[str, RecipeFile] = {}
    for place, origin in places:
        file = RecipeFile(catalogue.tree.read(origin), catalogue.tree.executable(origin), origin)
        if place in (CONTAINERFILE, MANIFEST):
            raise WorkbenchError(f"takes the place of the recipe's own {place}", where=origin)
        if place in files and files[place].data != file.data:
            raise WorkbenchError(f"and {files[place].origin} both want to be {place} in the recipe", where=origin)
        files[place] = file
    return files
