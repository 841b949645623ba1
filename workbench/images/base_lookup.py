"""Which image a recipe's FROM names: on this machine, in its registry, or as its `latest`."""

from __future__ import annotations

import os

from workbench import podman
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.commands import here
from workbench.compose.resolve import ResolvedSelection
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.backend import BUILDER, choose, open_backend
from workbench.images.base_chain import command_to_make
from workbench.images.podman.store import PODMAN, in_registry
from workbench.images.store import ImageStore
from workbench.names import LATEST, is_qualified

_MISSING = "{} does not exist yet: `{}` makes it, and all that it stands on"
_NOT_LOOKED_UP = "{} is not in the Docker Engine's store, and without podman no registry is queried"


def look_up(resolved: ResolvedSelection) -> tuple[ResolvedSelection, str]:
    """Return `resolved` on the base image that exists, and a note of what is not as requested, "" if all is.

    Its own name first: on this machine, then in its registry; then its `latest` in the same way.
    The selection's `image` stays empty when the image has the name that the release gives it, so that a look-up
    does not change the recipe. "On this machine" is podman's store, and the Docker Engine's where that is
    the builder (see backend.choose); only podman queries a registry. A base of the release that is in none of
    these places can be made, and is a note. Raises FaultsError that lists every place when it is somebody else's
    image.
    """
    found, note = _search(resolved)
    return found or resolved, note


def look_up_or_local(resolved: ResolvedSelection) -> tuple[ResolvedSelection, str]:
    """Return the same as `look_up`, but for a base that does not exist yet: then the name that it gets when it is
    made on this machine, without a note.
    """
    found, note = _search(resolved)
    if found is not None:
        return found, note
    chosen = resolved.selection
    tag = resolved.base.image_tag(chosen.os, chosen.python, chosen.release, chosen.date)
    local = f"{LOCAL_REPOSITORY}:{tag}"
    return (resolved if resolved.image == local else resolved.on(local)), ""


def _search(resolved: ResolvedSelection) -> tuple[ResolvedSelection | None, str]:
    """Return `resolved` on the base that exists, None for one of the release's that does not, and a note."""
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
    return None, "; ".join([_MISSING.format(wanted, here("up")), *search.silent.values(), *_by_hand(wanted)])


def _by_hand(image: str) -> list[str]:
    make = command_to_make(image)
    return [f"by hand: {make}"] if make else []


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
        # What kept a registry from responding, by its host.
        self.silent: dict[str, str] = {}

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
            self.silent[host] = presence.reason
        return ""

    def failed(self, image: str, hint: str) -> FaultsError:
        """Return the error that says where `image` is not."""
        return FaultsError(f"the base image {image} cannot be found", self.trail, hint=hint)
