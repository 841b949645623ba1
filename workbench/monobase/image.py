"""The image of the daemon and of models: the tool and the data of the generations on a standard base."""

from __future__ import annotations

from functools import partial

from workbench.images.tool_image import tool_image

FOLDER = "monobase/image"
# What the image has of the repository, below /opt/monobase.
_TOOL = ("workbench", "monobase", "releases/compat.toml")

# See tool_image.
image_request = partial(tool_image, "monobase", FOLDER, _TOOL)
