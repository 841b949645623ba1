"""Is an image there already: made from the same, on the same image?"""

from __future__ import annotations

from workbench.images.builder import BuildRequest
from workbench.images.recipe_build import CHANGED, SOURCE_LABEL
from workbench.images.store import PODMAN, Store


def is_there(request: BuildRequest, below: str, store: Store = PODMAN) -> bool:
    """Return whether the image that `request` would build is here: made from the same, on the image `below`.

    What was made from a folder that somebody changed by hand never is: its label does not say how.
    """
    if request.labels[SOURCE_LABEL].endswith(CHANGED):
        return False
    own, under = store.look(request.names[0]), store.look(below)
    if own is None or under is None or own.labels.get(SOURCE_LABEL) != request.labels[SOURCE_LABEL]:
        return False
    return own.layers[: len(under.layers)] == under.layers
