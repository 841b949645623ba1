"""The whole configuration of an image in podman's store: `podman image inspect` leaves out its shell."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

from workbench import podman
from workbench.images.podman.store import PODMAN


def image_config(image: str) -> Mapping[str, Any]:
    """Return the configuration of `image` as a registry has it; podman pulls the image where it has none.

    The shell is read from the store's own file (containers/storage 1.43: `overlay-images/ID/=BASE64`), where this
    process can read it: a podman on another machine, or a store of another layout, tells no shell. Raises
    WorkbenchError when podman cannot pull or inspect it.
    """
    if not podman.exists(image):
        podman.output(f"pull {image}", "pull", "--quiet", image)
    info = PODMAN.inspect(image)
    config = dict(info.config) if info else {}
    name = info.id if info else ""
    key = base64.b64encode(name.encode()).decode()
    root, driver = podman.image_store()
    path = os.path.join(root, f"{driver}-images", name.removeprefix("sha256:"), f"={key}")
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return {"config": config}
