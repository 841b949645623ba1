"""Images that were built here and have the bundle of a recipe: their layers are that bundle, built."""

from __future__ import annotations

import re

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.images.recipe_build import TAG_LABEL
from workbench.images.store import Store
from workbench.names import python_folder
from workbench.recipes.read import RecipeManifest

# Whether a layer is the same, the builder finds out by itself; the more it is asked to compare, the longer it takes.
_MOST = 4


def siblings(store: Store, recipe: RecipeManifest) -> list[str]:
    """Return the images of a recipe's bundle, system, Python and release in `store`, the youngest first, four at most.

    IDE and day may be others. The one that has the recipe's own name is enough: to list images takes
    an engine the longer the more it has, and such a one is there whenever a recipe is built again.
    Only names count that a registry cannot give an image: whoever takes over the layers of one that
    was pulled believes what it says of itself.
    """
    own = f"{LOCAL_REPOSITORY}:{recipe.tag}"
    if (before := store.look(own)) is not None and before.labels.get(TAG_LABEL) == recipe.tag:
        return [own]
    what = recipe.selection
    ending = f"-{what.bundle}-{what.os}-{python_folder(what.python)}_{what.release}_"
    fitting = re.compile(rf".+{re.escape(ending)}(?P<date>[a-z0-9]+)")
    found = {}
    for image, tag in store.labelled(TAG_LABEL).items():
        if image == f"{LOCAL_REPOSITORY}:{tag}" and (match := fitting.fullmatch(tag)):
            found[image] = (match["date"], image)
    return sorted(found, key=found.__getitem__, reverse=True)[:_MOST]
