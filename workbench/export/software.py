"""What a recipe's image contains, by its own locks: what a platform's dashboard shows of it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.attest.locked import installed_lists, locked_packages
from workbench.attest.package import PYPI
from workbench.catalog.questions import Selection
from workbench.catalog.values import Bundle, Catalogue, Ide, Release
from workbench.commands import here
from workbench.compose.resolve import ResolvedSelection, resolve
from workbench.errors import WorkbenchError
from workbench.names import is_qualified
from workbench.packages import normalized_name
from workbench.recipes.read import read_files, read_manifest

# The type of an image without an IDE.
RUNTIME = "runtime"
_LIST = re.compile(r"requirements(?:-(?P<category>.+))?\.txt")


@dataclass(frozen=True, slots=True)
class RecipeSummary:
    """A recipe as platforms see it: `display` is its bundle's label, `accelerator` what a platform gives it as GPUs,
    `prefix` what its tag begins with.

    `software` and `packages` are names with the versions of its locks.
    """

    folder: str
    tag: str
    selection: Selection
    release: Release
    bundle: Bundle
    display: str
    ide: Ide
    has_cuda: bool
    accelerator: str
    prefix: str
    software: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]

    @property
    def stem(self) -> str:
        """The tag without release and date: what stays the same from one release to the next."""
        return self.tag.rsplit("_", 2)[0]

    @property
    def title(self) -> str:
        """What to call it in a menu."""
        inside = [] if self.ide.image_type == RUNTIME else [self.ide.display]
        if self.has_cuda and "version" in self.release.cuda:
            inside.append(f"CUDA {self.release.cuda['version']}")
        return f"{self.display} ({', '.join([*inside, f'Python {self.selection.python}'])})"

    def image(self, repository: str) -> str:
        """Return its full name in `repository`, "" for the release's own."""
        return f"{repository or self.release.repository}:{self.tag}"


def describe(catalogue: Catalogue, folder: str) -> RecipeSummary:
    """Return the recipe in `folder` as platforms see it.

    Raises WorkbenchError when it is no recipe, and when the catalogue has not what it was made of.
    """
    if not os.path.isdir(folder):
        raise WorkbenchError(
            "there is no such recipe folder", where=folder, hint=f"`{here('new --defaults')}` makes one"
        )
    manifest = read_manifest(folder)
    # An image that exists is described, whatever the rules say of it today.
    resolved = resolve(catalogue, manifest.selection, rules=False)
    selection = resolved.selection
    files = read_files(folder)
    pins = {each.name: each.version for each in locked_packages(files, selection.python) if each.kind == PYPI}
    lists = installed_lists(files)
    chosen = {normalized_name(name): name for name in _requested(resolved, lists)}
    shown = {name: chosen.get(name, name) for name in pins if not chosen or name in chosen}
    return RecipeSummary(
        folder=folder,
        tag=manifest.tag,
        selection=selection,
        release=resolved.release,
        bundle=resolved.bundle,
        display=resolved.bundle.label(resolved.base.lists),
        ide=resolved.ide,
        has_cuda=resolved.base.cuda,
        accelerator=resolved.base.gpus,
        prefix=resolved.base.prefix,
        software=tuple(_software(resolved)),
        packages=tuple((shown[name], pins[name]) for name in sorted(shown)),
    )


def check_registry(repository: str) -> str:
    """Return `repository` when a cluster can pull from it; raises WorkbenchError for one of this machine."""
    if not is_qualified(f"{repository}:x") or repository.startswith("localhost/"):
        raise WorkbenchError(
            f"no cluster can pull from {repository}", hint="name where the images are with --repo quay.io/team/images"
        )
    return repository


def _requested(resolved: ResolvedSelection, lists: list[str]) -> Iterator[str]:
    """Yield the packages that the Pipfiles of the bundle, of those below it and of the IDE name for these lists."""
    catalogue, bundle, ide = resolved.catalogue, resolved.bundle, resolved.ide
    categories = {match["category"] or "packages" for name in lists if (match := _LIST.fullmatch(name))}
    for part in [*(catalogue.bundles[name] for name in bundle.above), bundle]:
        for folder in dict.fromkeys((resolved.tag.python, resolved.lists)):
            path = f"{part.folder}/{folder}/Pipfile"
            if catalogue.tree.exists(path):
                tables = tomllib.loads(catalogue.tree.text(path))
                for category in categories:
                    yield from tables.get(category, ())
    own = f"{ide.folder}/{resolved.tag.python}/Pipfile"
    if ide.name in categories and catalogue.tree.exists(own):
        yield from tomllib.loads(catalogue.tree.text(own)).get("packages", ())


def _software(resolved: ResolvedSelection) -> Iterator[tuple[str, str]]:
    """Yield what is in the image beside Python's packages and has a version of its own."""
    catalogue, release = resolved.catalogue, resolved.release
    yield "Python", f"v{resolved.selection.python}"
    if resolved.base.cuda and "version" in release.cuda:
        yield "CUDA", release.cuda["version"]
    for name in (resolved.bundle.name, resolved.ide.name):
        pins = release.tools.get(name, {})
        found = next((pins[kind] for kind in catalogue.variants(resolved.system.name) if kind in pins), {})
        if "version" in found:
            yield catalogue.ides[name].display if name in catalogue.ides else name, found["version"]
