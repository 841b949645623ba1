"""The OCI labels that only a build can tell; the others stand in the recipe (snippets/base/labels.snippet)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench import podman
from workbench.errors import UsageError
from workbench.images.store import PODMAN
from workbench.names import LATEST

_OCI = "org.opencontainers.image"
_ADDRESS = re.compile(r"(?:https?|git|ssh)://[^\s\x00-\x1f]{1,500}")
_REVISION = re.compile(r"[^\s\x00-\x1f]{1,200}")


def created(date: str) -> dict[str, str]:
    """Return the label that says when: the day of the tag, as the clock would make every image another."""
    return {} if date == LATEST else {f"{_OCI}.created": f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00Z"}


def given(source: str, revision: str) -> dict[str, str]:
    """Return the labels of where the catalogue is kept and which state of it was built, as far as they are given.

    Raises UsageError for what is no address and no revision.
    """
    if source and not _ADDRESS.fullmatch(source):
        raise UsageError(f"{source!r} is no address", hint="write it as https://example.com/team/images")
    if revision and not _REVISION.fullmatch(revision):
        raise UsageError(f"{revision!r} is no revision", hint="write a commit or a version: `git rev-parse HEAD` tells")
    said = {f"{_OCI}.source": source, f"{_OCI}.revision": revision}
    return {name: value for name, value in said.items() if value}


def on_base(image: str, digest: str) -> Mapping[str, str]:
    """Return the labels of the image that a build stands on, and of the `digest` of its manifest.

    The digest is empty where nobody knows it before the build: else that of the base's own base,
    which is inherited, would stand there.
    """
    _, _, named = image.partition("@")
    return {f"{_OCI}.base.name": image, f"{_OCI}.base.digest": named or digest}


def digest_here(image: str) -> str:
    """Return the digest of an image's manifest as podman knows it, "" where it does not."""
    seen = PODMAN.look(image) if "@" not in image and podman.is_installed() else None
    return seen.digest if seen else ""
