"""What was built before and need not be built again: whole images, and layers of images that are alike."""

from __future__ import annotations

import re

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.images.labels import CHANGED, SOURCE_LABEL
from workbench.images.podman.store import PODMAN
from workbench.images.request import BuildRequest
from workbench.images.store import ImageStore
from workbench.names import python_folder
from workbench.recipes.read import RecipeManifest
from workbench.tag import TAG_LABEL

# The builder itself finds out which layers are the same; the more images it compares, the longer it takes.
_MOST = 4


def is_up_to_date(request: BuildRequest, base: str, store: ImageStore = PODMAN) -> bool:
    """Return whether `store` has the image that `request` would build: made from the same, on the image `base`.

    What was made from a folder that somebody changed by hand never is: its label does not say how.
    """
    if request.labels[SOURCE_LABEL].endswith(CHANGED):
        return False
    image, below = store.inspect(request.names[0]), store.inspect(base)
    if image is None or below is None or image.labels.get(SOURCE_LABEL) != request.labels[SOURCE_LABEL]:
        return False
    return image.layers[: len(below.layers)] == below.layers


def siblings(store: ImageStore, recipe: RecipeManifest) -> list[str]:
    """Return the images of a recipe's bundle, system, Python and release in `store`, the youngest first, four at most.

    IDE and day may be others. The one that has the recipe's own name is enough: listing images takes
    an engine the longer the more it has, and such a one exists whenever a recipe is built again.
    Only names count that a registry cannot give an image: whoever takes over the layers of one that
    was pulled trusts its labels.
    """
    own = f"{LOCAL_REPOSITORY}:{recipe.tag}"
    if (before := store.inspect(own)) is not None and before.labels.get(TAG_LABEL) == recipe.tag:
        return [own]
    wanted = recipe.selection
    ending = f"-{wanted.bundle}-{wanted.os}-{python_folder(wanted.python)}_{wanted.release}_"
    fitting = re.compile(rf".+{re.escape(ending)}(?P<date>[a-z0-9]+)")
    found = {}
    for image, tag in store.labelled(TAG_LABEL).items():
        if image == f"{LOCAL_REPOSITORY}:{tag}" and (match := fitting.fullmatch(tag)):
            found[image] = (match["date"], image)
    return sorted(found, key=found.__getitem__, reverse=True)[:_MOST]
