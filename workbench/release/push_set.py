"""Pushing a standard set: every dated tag first; `latest` moves only when all of them are there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.attest.attach import attach_records
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.push import check_repository, latest_tag
from workbench.images.store import ImageStore
from workbench.registry.repository import Manifest, Repository
from workbench.release.standard import Image

PUSHED, THERE, MOVED, ATTACHED = "pushed", "there", "moved", "attached"


@dataclass(frozen=True, slots=True)
class Step:
    """What was done with a tag, or with a record of an image: pushed, there, moved, attached, or why not."""

    tag: str
    what: str
    digest: str


def push_set(
    images: Mapping[str, Image],
    repository: str,
    recipes: str,
    *,
    replace: bool,
    told: Callable[[Step], None],
    store: ImageStore = PODMAN,
) -> None:
    """Push the set from `store` to `repository` with its records, then move its `latest` there.

    What is there already is not pushed again, so a push that broke goes on where it was. `told` is
    called with each step as it is done. Raises FaultsError for images that were not built, and
    WorkbenchError when the registry refuses or does not answer, when it has another image under a
    dated tag (unless `replace`), and when what it has is not what was pushed: then no `latest` has
    moved, unless they were moving already.
    """
    check_repository(repository)
    identities = _local(images, store)
    with Repository(repository) as remote:
        arrived: dict[str, Manifest] = {}
        for tag, image in images.items():
            arrived[tag] = _arrive(remote, repository, tag, identities[tag], replace, told, store)
            for other in image.also:
                _same(remote, other, arrived[tag], replace, told)
            if image.selection:
                folder = os.path.join(recipes, tag)
                for record, digest, reason in attach_records(remote, tag, arrived[tag], folder, identities[tag]):
                    told(Step(f"{tag}/{record}", ATTACHED if digest else f"not attached: {reason}", digest))
        # Once more, all of them: what was there an hour ago may be gone. The last thing that can fail comes before
        # the first `latest` moves, and each of these moves is one small request.
        for tag, manifest in arrived.items():
            _check_there(remote, tag, manifest)
        for tag, manifest in arrived.items():
            for name in images[tag].tags:
                _same(remote, latest_tag(name), manifest, True, told, MOVED)


def _local(images: Mapping[str, Image], store: ImageStore) -> dict[str, str]:
    """Return the id of each image that is here; raises FaultsError that names those that are not."""
    found = {}
    for tag in images:
        if seen := store.inspect(f"{LOCAL_REPOSITORY}:{tag}"):
            found[tag] = seen.id
    if missing := [(tag, "is not built") for tag in images if tag not in found]:
        raise FaultsError(
            f"{len(missing)} of {len(images)} images of the set are not here; nothing was pushed",
            missing,
            hint="`make images` builds them",
        )
    return found


def _arrive(
    remote: Repository,
    repository: str,
    tag: str,
    identity: str,
    replace: bool,
    told: Callable[[Step], None],
    store: ImageStore,
) -> Manifest:
    """Have the image under its dated tag in the registry, and return its manifest there."""
    there = remote.manifest(tag)
    if there is not None and there.config == identity:
        told(Step(tag, THERE, there.digest))
        return there
    if there is not None and not replace:
        raise WorkbenchError(
            f"{repository}:{tag} is another image: {there.config or there.digest}, and here it is {identity}",
            hint="a dated tag stays what it is: build under another date, or replace it with --replace",
        )
    answer = store.push(f"{LOCAL_REPOSITORY}:{tag}", f"{repository}:{tag}")
    if answer.code != 0:
        raise WorkbenchError(
            f"pushing {repository}:{tag} failed: {answer.reason}",
            hint=f"no `latest` moved; `podman login {remote.host}` if it refuses you, then push again: it goes on here",
        )
    there = remote.manifest(tag)
    if there is None or there.config != identity:
        seen = there.config if there else "nothing"
        raise WorkbenchError(f"{repository}:{tag} was pushed as {identity}, and the registry has {seen} there")
    told(Step(tag, PUSHED, there.digest))
    return there


def _same(
    remote: Repository, tag: str, manifest: Manifest, replace: bool, told: Callable[[Step], None], what: str = PUSHED
) -> None:
    """Have `tag` name the image of `manifest`, which is in the registry already."""
    there = remote.manifest(tag)
    if there is not None and there.digest == manifest.digest:
        told(Step(tag, THERE, manifest.digest))
        return
    if there is not None and not replace:
        raise WorkbenchError(f"{tag} is another image: {there.digest}", hint="replace it with --replace")
    remote.put_manifest(tag, manifest.data, manifest.kind)
    told(Step(tag, what, manifest.digest))


def _check_there(remote: Repository, tag: str, manifest: Manifest) -> None:
    there = remote.manifest(tag)
    if there is None or there.digest != manifest.digest:
        raise WorkbenchError(
            f"{remote.host}/{remote.name}:{tag} changed while the set was pushed; no `latest` moved", hint="push again"
        )
