"""A bake file: the whole set with its graph, for BuildKit to build at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.stages import bases
from workbench.files import has_text
from workbench.images.request import BuildRequest
from workbench.release.standard import SetImage

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_-]")


def bake_file(
    images: Mapping[str, SetImage], requests: Mapping[str, BuildRequest], repository: str, relative_to: str
) -> dict[str, Any]:
    """Return a bake file with a target for each image, named by its tag, and all recipes in the group `default`.

    What a target stands on comes from the other target, by a named context, and from no registry.
    Paths are relative to the folder `relative_to`, which bake is to be run in. Images get their
    dated tags in `repository`: `latest` is moved when all are there, see `push`.
    """
    # The name by which a Containerfile calls an image of the set -> the target that makes it.
    known = {name: target_name(tag) for tag, request in requests.items() for name in request.names}
    targets = {
        target_name(tag): _target(image, requests[tag], known, repository, relative_to) for tag, image in images.items()
    }
    published = [target_name(tag) for tag, image in images.items() if image.selection]
    return {"group": {"default": {"targets": published}}, "target": targets}


def target_name(tag: str) -> str:
    """Return the name of a target: dots are not allowed in it."""
    return _NOT_ALLOWED.sub("-", tag)


def _target(
    image: SetImage, request: BuildRequest, known: Mapping[str, str], repository: str, relative_to: str
) -> dict[str, Any]:
    contexts = {name: f"target:{known[name]}" for name in bases(request.stages()) if name in known}
    folder = os.path.relpath(request.folder, relative_to)
    found: dict[str, Any] = {
        "context": folder,
        "tags": [f"{repository}:{tag}" for tag in image.tags],
        "labels": dict(request.labels),
    }
    own = os.path.join(request.folder, CONTAINERFILE)
    # A CUDA layer's Containerfile stands deeper than what it copies.
    found |= {"dockerfile": CONTAINERFILE} if has_text(own, request.text) else {"dockerfile-inline": request.text}
    if contexts:
        found["contexts"] = contexts
    if request.arguments:
        found["args"] = dict(request.arguments)
    return found
