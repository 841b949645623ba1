"""Is an image there already: made from the same, on the same image?"""

from __future__ import annotations

import json

from workbench.build import podman
from workbench.build.builder import BuildRequest
from workbench.build.recipe_build import CHANGED, SOURCE_LABEL


def is_there(request: BuildRequest, below: str) -> bool:
    """Return whether the image that `request` would build is here: made from the same, on the image `below`.

    What was made from a folder that somebody changed by hand never is: its label does not say how.
    """
    image = request.names[0]
    if request.labels[SOURCE_LABEL].endswith(CHANGED) or not all(podman.exists(name) for name in (image, below)):
        return False
    own, under = _layers_of(image), _layers_of(below)
    return own[: len(under)] == under and label_of(image) == request.labels[SOURCE_LABEL]


def label_of(image: str, name: str = SOURCE_LABEL) -> str:
    """Return a label of the local `image`, "" when it has none; raises WorkbenchError when it is not here."""
    template = f'{{{{index .Config.Labels "{name}"}}}}'
    return podman.tell(f"look at {image}", "image", "inspect", "--format", template, image)


def _layers_of(image: str) -> list[str]:
    said = podman.tell(f"look at {image}", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
    return list(json.loads(said))
