"""Which image a recipe's FROM names: on this machine, in its registry, or as its `latest`."""

from __future__ import annotations

import os
import re

from workbench import podman
from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.compose.resolve import ResolvedSelection
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.backend import BUILDER, choose, open_backend
from workbench.images.podman.store import PODMAN, in_registry
from workbench.images.store import ImageStore
from workbench.names import LATEST, is_qualified, python_version

# The other way round from catalog.bases: what the tag of a base says.
_STANDARD = re.compile(r"base-(?P<os>.+)-(?P<python>py[0-9]+)_(?P<release>[^_]+)_(?P<date>[^_]+)")
_CUDA = re.compile(
    rf"cuda-(?P<os>.+)-(?P<python>py[0-9]+)-(?P<layer>{'|'.join(LAYERS)})_(?P<release>[^_]+)_(?P<date>[^_]+)"
)

_NOT_LOOKED_UP = "{} is not in the Docker Engine's store, and without podman no registry is queried"


def look_up(resolved: ResolvedSelection) -> tuple[ResolvedSelection, str]:
    """Return `resolved` on the base image that exists, and a note of what is not as requested, "" if all is.

    Its own name first: on this machine, then in its registry; then its `latest` in the same way.
    The selection's `image` stays empty when the image has the name that the release gives it, so that a look-up
    does not change the recipe. "On this machine" is podman's store, and the Docker Engine's where that is
    the builder (see backend.choose); only podman queries a registry. Raises FaultsError that lists every
    place when the image is in none.
    """
    stores, note = _stores()
    if not stores:
        return resolved, note
    search, selection = _Search(stores), resolved.selection
    if resolved.base.is_foreign:
        return _foreign(resolved, search)
    repository, wanted = resolved.release.repository, resolved.image
    for date in dict.fromkeys((selection.date, LATEST)):
        tag = resolved.base.image_tag(selection.os, selection.python, selection.release, date)
        names = dict.fromkeys((f"{repository}:{tag}", f"{LOCAL_REPOSITORY}:{tag}"))
        found = search.here(*names) or search.registry(f"{repository}:{tag}")
        if found == wanted:
            return resolved, ""
        if found:
            return resolved.on(found), f"{wanted} does not exist; FROM names {found}"
    if PODMAN not in stores:
        return resolved, _NOT_LOOKED_UP.format(wanted)
    make = command_to_make(wanted)
    offline = "give --offline to compose without looking"
    raise search.failed(wanted, f"make it with {make}, or {offline}" if make else offline)


def _foreign(resolved: ResolvedSelection, search: _Search) -> tuple[ResolvedSelection, str]:
    """Look for an image that is none of ours: by its name, or under localhost/ when it names no registry."""
    name = resolved.base.name
    if not is_qualified(name):
        found = search.here(f"localhost/{name}")
        if found:
            return resolved.on(found), ""
        raise search.failed(name, "write it with its registry, such as docker.io/library/" + name)
    if search.here(name) or search.registry(name):
        return resolved, ""
    if PODMAN not in search.stores:
        return resolved, _NOT_LOOKED_UP.format(name)
    raise search.failed(name, "correct the name, or give --offline to compose without looking")


def _stores() -> tuple[list[ImageStore], str]:
    """Return the stores that a build here may take its base from, and why there is none, "" if there is one.

    Raises WorkbenchError when the builder that WORKBENCH_BUILDER names cannot be used.
    """
    stores: list[ImageStore] = [PODMAN] if podman.is_installed() else []
    try:
        choice = choose()
        if choice.address:
            store = open_backend(choice).store
            stores += [store] if store is not PODMAN else []
    except WorkbenchError as error:
        if os.environ.get(BUILDER):
            raise
        return stores, f"the base image was not looked up: {error.message}"
    return stores, "" if stores else "the base image was not looked up: podman is not installed"


class _Search:
    """Looks for images, and records where it looked and what came of it."""

    def __init__(self, stores: list[ImageStore]) -> None:
        self.stores = stores
        self.trail: list[tuple[str, str]] = []
        self.silent: set[str] = set()

    def here(self, *images: str) -> str:
        """Return the first of `images` that is on this machine, "" for none."""
        for image in images:
            if any(podman.exists(image) if store is PODMAN else store.inspect(image) for store in self.stores):
                return image
            self.trail.append((image, "is not on this machine"))
        return ""

    def registry(self, image: str) -> str:
        """Return `image` if its registry has it, else ""; a registry that did not respond is queried only once."""
        host = image.split("/", 1)[0]
        if host == "localhost" or host in self.silent or PODMAN not in self.stores:
            return ""
        presence = in_registry(image)
        if presence.present:
            return image
        self.trail.append((image, presence.reason))
        if not presence.responded:
            self.silent.add(host)
        return ""

    def failed(self, image: str, hint: str) -> FaultsError:
        """Return the error that says where `image` is not."""
        return FaultsError(f"the base image {image} cannot be found", self.trail, hint=hint)


def command_to_make(image: str) -> str:
    """Return the command that makes a base image of this name, "" for any image that is none of ours."""
    tag = image.rpartition(":")[2]
    match = _STANDARD.fullmatch(tag) or _CUDA.fullmatch(tag)
    python = python_version(match["python"]) if match else None
    if match is None or python is None:
        return ""
    what = f"OS={match['os']} PYTHON={python} RELEASE={match['release']} DATE={match['date']}"
    return f"`make cuda {what} LAYERS={match['layer']}`" if match.re is _CUDA else f"`make base {what}`"
