"""What is on this machine: images, recipes and workbenches, and so the plan for one recipe."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from workbench import podman
from workbench.catalog.ides import WORKBENCH as WORKBENCH_TYPE
from workbench.catalog.questions import Selection
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.commands import here
from workbench.compose.recipe import Recipe
from workbench.errors import WorkbenchError
from workbench.images.base import pinned_root
from workbench.images.labels import CHANGED, SOURCE_LABEL
from workbench.images.os_image import SCRIPT
from workbench.images.podman.store import PODMAN, in_registry
from workbench.images.recipe_request import recipe_request
from workbench.launch.expected import Expected, expected
from workbench.launch.names import workbench_name
from workbench.launch.plan import (
    BUILD,
    EXISTS,
    IMAGE,
    RECIPE,
    RUNS,
    START,
    WORKBENCH,
    WRITE,
    RootChoice,
    Step,
    base_steps,
    total_text,
)
from workbench.launch.workbenches import find
from workbench.recipes.read import read_manifest
from workbench.recipes.write import IDENTICAL, KEEP, compare, folder_of, refusal

# What a recipe's files are when there is nothing to write: as composed, and the user's own beside them.
_AS_IT_IS = {IDENTICAL, KEEP}


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be opened: the recipe's tag, folder and selection, and the image that its FROM names.

    `serves` says whether its IDE serves anything to open; `recipe` is what was composed, None where the folder is
    taken as it is.
    """

    tag: str
    folder: str
    selection: Selection
    base: str
    serves: bool
    recipe: Recipe | None = None

    @property
    def image(self) -> str:
        """The full name of its image."""
        return f"{LOCAL_REPOSITORY}:{self.tag}"


class PodmanLook:
    """Looks for images with podman, and queries a registry that did not respond only once."""

    def __init__(self) -> None:
        self._silent: dict[str, str] = {}

    def here(self, image: str) -> bool:
        """Return whether podman has the image."""
        return podman.exists(image)

    def in_registry(self, image: str) -> str:
        """Return "" when the image's registry has it, else why it cannot be pulled."""
        host = image.split("/", 1)[0]
        if host not in self._silent:
            presence = in_registry(image)
            if presence.present:
                return ""
            if presence.responded:
                return presence.reason
            self._silent[host] = presence.reason
        return self._silent[host]


class LocalLook(PodmanLook):
    """Looks here alone."""

    def in_registry(self, image: str) -> str:
        """Return that no registry was queried."""
        return "its registry was not queried"


def target_of_recipe(recipe: Recipe, out: str) -> Target:
    """Return what a composed recipe comes to below `out`."""
    serves = recipe.resolved.ide.image_type == WORKBENCH_TYPE
    return Target(str(recipe.tag), folder_of(recipe, out), recipe.selection, recipe.image, serves, recipe)


def target_of_folder(folder: str, catalogue: Catalogue) -> Target:
    """Return what the recipe in `folder` comes to, as it is; raises WorkbenchError when it is none."""
    manifest = read_manifest(folder)
    ide = at_release(catalogue, manifest.selection.release).ides.get(manifest.selection.ide)
    serves = ide is None or ide.image_type == WORKBENCH_TYPE
    return Target(manifest.tag, folder, manifest.selection, manifest.image, serves)


_ASIDE = ("date", "image", "architecture")


def newest_recipe(out: str, answers: Mapping[str, str]) -> str:
    """Return the folder below `out` whose recipe has these answers, the date aside, and the latest date; "" for none.

    Both `image`s are left aside too: they are what a look-up found. So is the architecture: it is no part of a recipe.
    """
    wanted = {name: value for name, value in answers.items() if name not in _ASIDE}
    found = []
    for name in os.listdir(out) if os.path.isdir(out) else ():
        folder = os.path.join(out, name)
        try:
            selection = read_manifest(folder).selection
        except WorkbenchError:
            continue
        theirs = {name: value for name, value in selection.as_recorded().items() if name not in _ASIDE}
        if theirs == wanted:
            found.append((selection.date, folder))
    return max(found)[1] if found else ""


def plan(target: Target, catalogue: Catalogue, *, name: str = "", force: bool = False) -> list[Step]:
    """Return the steps from nothing to the open workbench, in order.

    `name` is the workbench's, "" for the one that the tag gives; with `force` a recipe folder that differs is written
    again. Raises WorkbenchError for a recipe folder that is
    there and differs, and for a base that can be had in no way.
    """
    recipe = _recipe_step(target, force)
    image = _image_step(target, recipe)
    below = [] if image.is_done else base_steps(target.base, _roots(target, catalogue), PodmanLook())
    if not target.serves:
        return [*below, recipe, image]
    name = name or workbench_name(target.tag)
    running = find(name)
    current = running is not None and running.is_running and image.is_done and running.image_id == _id(target.image)
    return [*below, recipe, image, Step(WORKBENCH, name, RUNS if current else START)]


def remark(recipe: Recipe, catalogue: Catalogue, look: PodmanLook | None = None) -> str:
    """Return what is made before the image of a recipe, and what all takes; "" when its base is there.

    Raises WorkbenchError for a base that can be had in no way.
    """
    target = target_of_recipe(recipe, "")
    below = [
        step for step in base_steps(target.base, _roots(target, catalogue), look or PodmanLook()) if not step.is_done
    ]
    if not below:
        return ""
    image = Step(IMAGE, target.image, BUILD, _takes(target))
    kinds = ", ".join(dict.fromkeys(step.kind for step in below))
    return f"made before the image, for it is not there yet: {kinds}; with the image {total_text([*below, image])}"


def _takes(target: Target) -> Expected | None:
    return expected(IMAGE, f"{target.selection.ide}-{target.selection.bundle}", target.selection.os)


def _recipe_step(target: Target, force: bool) -> Step:
    if target.recipe is None:
        return Step(RECIPE, target.folder, EXISTS)
    if not os.path.lexists(target.folder):
        return Step(RECIPE, target.folder, WRITE)
    files = compare(target.recipe, target.folder)
    if set(files.values()) <= _AS_IT_IS:
        return Step(RECIPE, target.folder, EXISTS)
    if force:
        return Step(RECIPE, target.folder, WRITE)
    error = refusal(target.recipe, target.folder, files)
    error.hint = f"take it as it is with `{here(f'up {shlex.quote(target.folder)}')}`, or {error.hint}"
    raise error


def _image_step(target: Target, recipe: Step) -> Step:
    build = Step(IMAGE, target.image, BUILD, _takes(target))
    if not recipe.is_done:
        return build
    source = recipe_request(target.folder).labels[SOURCE_LABEL]
    image = PODMAN.inspect(target.image)
    if image is None or source.endswith(CHANGED) or image.labels.get(SOURCE_LABEL) != source:
        return build
    # An image whose base is gone is still what was asked for; on a base that was built again it is not.
    below = PODMAN.inspect(target.base)
    stands = below is None or image.layers[: len(below.layers)] == below.layers
    return Step(IMAGE, target.image, EXISTS) if stands else build


def _roots(target: Target, catalogue: Catalogue) -> RootChoice:
    system = target.selection.os
    pinned = pinned_root(catalogue, target.selection.release, system)
    return RootChoice(pinned, catalogue.tree.exists(f"base/{system}/{SCRIPT}"))


def _id(image: str) -> str:
    info = PODMAN.inspect(image)
    return info.id if info else ""
