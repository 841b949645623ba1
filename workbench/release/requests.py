"""What builds each image of a standard set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.commands import here
from workbench.containerfile.stages import last_base
from workbench.errors import FaultsError
from workbench.images.base import base_request, pinned_root
from workbench.images.cuda.layers import layer_requests
from workbench.images.recipe_request import recipe_request
from workbench.images.request import BuildRequest
from workbench.release.standard import SetImage


@dataclass(frozen=True, slots=True)
class SetOptions:
    """How the images of a set are built, beside what is in them; see BuildRequest. `labels` are for the recipes.

    `pinned` is for a builder on another machine: bases then stand on the root image that the release names,
    whatever is on this machine. `moved` is the repository that all images get their names in, and `roots` the root
    images there, by operating system: for a builder that keeps no images.
    """

    options: tuple[str, ...] = ()
    ca_bundle: str = ""
    cache: bool = True
    pinned: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    moved: str = ""
    roots: Mapping[str, str] = field(default_factory=dict)


def set_requests(
    catalogue: Catalogue, images: Mapping[str, SetImage], release: str, date: str, out: str, options: SetOptions
) -> dict[str, BuildRequest]:
    """Return what builds each of `images`, by tag, the recipes from their folders below `out`.

    Images that recipes stand on get the name by which the recipes call them too: the release's
    repository may be another than the local one. Raises FaultsError for missing recipes,
    and for whatever keeps a base, a layer or a recipe from being built.
    """
    missing = [tag for tag, image in images.items() if image.selection and not os.path.isdir(os.path.join(out, tag))]
    if missing:
        raise FaultsError(
            f"{len(missing)} recipes of the standard set are missing",
            [(os.path.join(out, tag), "is missing") for tag in missing],
            hint=f"compose them: `{here(f'recipes --release {release} --date {date}')}`",
        )
    requests: dict[str, BuildRequest] = {}
    for tag, image in images.items():
        if image.selection:
            requests[tag] = recipe_request(os.path.join(out, tag), labels=options.labels)
        elif image.layer:
            where = (catalogue, release, image.os, image.python, date)
            requests[tag] = layer_requests(*where, [image.layer])[image.layer]
        else:
            pinned = pinned_root(catalogue, release, image.os) if options.pinned or options.moved else ""
            root = options.roots.get(image.os, pinned)
            requests[tag] = base_request(catalogue, release, image.os, image.python, date, root=root)
    if options.moved:
        _check_bases(images, requests, options.moved, f"recipes --release {release} --date {date}")
    repository = at_release(catalogue, release).releases[release].repository
    for tag, request in requests.items():
        if options.moved:
            request = request.moved(options.moved)
        names = request.names if images[tag].selection or options.moved else _with_repository(request.names, repository)
        requests[tag] = replace(
            request, names=names, options=options.options, ca_bundle=options.ca_bundle, cache=options.cache
        )
    return requests


def _check_bases(
    images: Mapping[str, SetImage], requests: Mapping[str, BuildRequest], repository: str, command: str
) -> None:
    """Raise FaultsError for recipes that do not stand on the set's own images in `repository`."""
    faults = []
    for tag, image in images.items():
        if image.selection and image.below in images:
            base = last_base(requests[tag].stages())
            if base != f"{repository}:{image.below}":
                faults.append((tag, f"stands on {base}, and the builder has {repository}:{image.below}"))
    if faults:
        raise FaultsError(
            f"{len(faults)} recipes of the standard set stand on images elsewhere",
            faults,
            hint=f"compose them again: `{here(f'{command} --repo {repository} --force')}`",
        )


def stands_on(request: BuildRequest, image: SetImage) -> str:
    """Return the full name of the image that `request` builds on."""
    if image.selection:
        return last_base(request.stages())
    return request.arguments["BASE_IMAGE" if image.layer else "ROOT_IMAGE"]


def _with_repository(names: tuple[str, ...], repository: str) -> tuple[str, ...]:
    """Return `names` and the same in another repository."""
    also = [name.replace(f"{LOCAL_REPOSITORY}:", f"{repository}:", 1) for name in names]
    return tuple(dict.fromkeys((*names, *also)))
