"""The labels of images: their names, and the values that only a build knows.

The others stand in the recipe (snippets/base/labels.snippet).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.compose.recipe import source_digest
from workbench.errors import UsageError
from workbench.names import LATEST
from workbench.tag import TAG_LABEL

# Labels that anybody reads (the OCI image specification), and those of our own.
OCI = "org.opencontainers.image"
OWN = "io.workbench-images"
RELEASE_LABEL = f"{OWN}.release"
SOURCE_LABEL = f"{OWN}.source"
# What its GPUs are called, as amd.com/gpu, where they are none of NVIDIA's (snippets/base/accelerator.snippet.j2).
ACCELERATOR_LABEL = f"{OWN}.accelerator"
MODEL_LABEL = f"{OWN}.model"
# Ends the source digest of an image whose folder is no longer what the catalogue made of it.
CHANGED = "-changed"
_ADDRESS = re.compile(r"(?:https?|git|ssh)://[^\s\x00-\x1f]{1,500}")
_REVISION = re.compile(r"[^\s\x00-\x1f]{1,200}")


def own_labels(tag: str, release: str, inputs: Mapping[str, str], *, changed: bool = False) -> dict[str, str]:
    """Return the labels by which an image of ours is found and compared: its tag, release and source.

    `inputs` are the digests of what it is made from, by name; `changed` says that somebody edited them.
    """
    source = source_digest(inputs) + (CHANGED if changed else "")
    return {TAG_LABEL: tag, RELEASE_LABEL: release, SOURCE_LABEL: source}


def created(date: str) -> dict[str, str]:
    """Return the label of the time: the day of the tag, as with the clock's no two builds would be equal."""
    return {} if date == LATEST else {f"{OCI}.created": f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00Z"}


def catalogue_labels(source: str, revision: str) -> dict[str, str]:
    """Return the labels of where the catalogue is kept and which state of it was built, as far as they are given.

    Raises UsageError for what is no address and no revision.
    """
    if source and not _ADDRESS.fullmatch(source):
        raise UsageError(f"{source!r} is no address", hint="write it as https://example.com/team/images")
    if revision and not _REVISION.fullmatch(revision):
        raise UsageError(
            f"{revision!r} is no revision", hint="write a commit or a version: `git rev-parse HEAD` prints one"
        )
    labels = {f"{OCI}.source": source, f"{OCI}.revision": revision}
    return {name: value for name, value in labels.items() if value}


def on_base(image: str, digest: str) -> Mapping[str, str]:
    """Return the labels of the image that a build stands on, and of the `digest` of its manifest.

    The digest is empty where it is unknown before the build: else that of the base's own base, which
    is inherited, would be in its place.
    """
    _, _, named = image.partition("@")
    return {f"{OCI}.base.name": image, f"{OCI}.base.digest": named or digest}
