"""Pushing a standard set: every dated tag first; `latest` moves only when the registry has all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.attest.attach import attach_records
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.push import check_repository, latest_tag
from workbench.images.store import ImageStore
from workbench.registry.repository import Manifest, Repository
from workbench.release.standard import SetImage

if TYPE_CHECKING:
    from workbench.attest.signing.keys import PrivateKey

PUSHED, PRESENT, MOVED, ATTACHED, SIGNED = "pushed", "there", "moved", "attached", "signed"


@dataclass(frozen=True, slots=True)
class PushedTag:
    """What was done with a tag, a record or the signature of an image: pushed, there already, moved, …, or why not."""

    tag: str
    what: str
    digest: str


def push_set(
    images: Mapping[str, SetImage],
    repository: str,
    recipes: str,
    *,
    replace: bool,
    report: Callable[[PushedTag], None],
    store: ImageStore = PODMAN,
    kept: str = LOCAL_REPOSITORY,
    compression: str = "",
    key: PrivateKey | None = None,
) -> None:
    """Push the set from `store` to `repository` with its records, then move its `latest` there.

    `kept` is the repository in which `store` has it: where its builder has pushed it already, that is `repository`.
    Layers that the registry lacks get the `compression`, see ImageStore. With a `key` each image is signed under
    all its tags, and so are its records.

    What the registry has is not pushed again, so a push that broke off continues where it stopped. `report` is
    called for each tag as it is done. Raises FaultsError for images that were not built, and
    WorkbenchError when the registry refuses or does not answer, when it has another image under a
    dated tag (unless `replace`), and when what it has is not what was pushed: then no `latest` has
    moved, unless they were moving already. Raises FaultsError that says of each image what became of it when one
    cannot be signed.
    """
    check_repository(repository)
    identities = _local(images, store, kept)
    with Repository(repository) as remote:
        pushed: dict[str, Manifest] = {}
        for tag, image in images.items():
            pushed[tag] = _push(remote, repository, tag, identities[tag], replace, report, store, kept, compression)
            for other in image.also:
                _point(remote, other, pushed[tag], replace, report)
            # Of what follows only signing may fail: that a record is refused is reported.
            with _signing(images, pushed, tag):
                if image.selection:
                    folder = os.path.join(recipes, tag)
                    records = attach_records(remote, tag, pushed[tag], folder, identities[tag], key)
                    for record, digest, reason in records:
                        report(PushedTag(f"{tag}/{record}", ATTACHED if digest else f"not attached: {reason}", digest))
                if key is not None:
                    _sign(remote, image, pushed[tag], key, report)
        # Once more, all of them: what existed an hour ago may be gone. The last thing that can fail comes before
        # the first `latest` moves, and each of these moves is one small request.
        for tag, manifest in pushed.items():
            _check_unchanged(remote, tag, manifest)
        for tag, manifest in pushed.items():
            for name in images[tag].tags:
                _point(remote, latest_tag(name), manifest, True, report, MOVED)


def _local(images: Mapping[str, SetImage], store: ImageStore, kept: str) -> dict[str, str]:
    """Return the id of each image that is here; raises FaultsError that names those that are not."""
    found = {}
    for tag in images:
        if found_image := store.inspect(f"{kept}:{tag}"):
            found[tag] = found_image.id
    if missing := [(tag, "is not built") for tag in images if tag not in found]:
        raise FaultsError(
            f"{len(missing)} of {len(images)} images of the set are not here; nothing was pushed",
            missing,
            hint=f"`{here('images --release NAME --date YYYYMMDD')}` builds them",
        )
    return found


def _push(
    remote: Repository,
    repository: str,
    tag: str,
    identity: str,
    replace: bool,
    report: Callable[[PushedTag], None],
    store: ImageStore,
    kept: str,
    compression: str,
) -> Manifest:
    """Push the image under its dated tag unless the registry has it, and return its manifest there."""
    existing = remote.manifest(tag)
    if existing is not None and existing.config == identity:
        report(PushedTag(tag, PRESENT, existing.digest))
        return existing
    if existing is not None and not replace:
        raise WorkbenchError(
            f"{repository}:{tag} is another image: {existing.config or existing.digest}, and here it is {identity}",
            hint="a dated tag stays what it is: build under another date, or replace it with --replace",
        )
    done = store.push(f"{kept}:{tag}", f"{repository}:{tag}", compression)
    if done.code != 0:
        raise WorkbenchError(
            f"pushing {repository}:{tag} failed: {done.reason}",
            hint=f"no `latest` moved; `podman login {remote.host}` if it refuses you, then push again: it goes on here",
        )
    existing = remote.manifest(tag)
    if existing is None or existing.config != identity:
        actual = existing.config if existing else "nothing"
        raise WorkbenchError(f"{repository}:{tag} was pushed as {identity}, and the registry has {actual}")
    report(PushedTag(tag, PUSHED, existing.digest))
    return existing


def _sign(
    remote: Repository,
    image: SetImage,
    manifest: Manifest,
    key: PrivateKey,
    report: Callable[[PushedTag], None],
) -> None:
    """Sign an image under all its tags, the `latest` of each among them, which has not moved yet."""
    # Whoever signs nothing does not load cryptography.
    from workbench.attest.signing.sign import sign_image

    tags = [tag for name in image.tags for tag in (name, latest_tag(name))]
    signed = sign_image(remote, manifest, tags, key)
    report(PushedTag(f"{image.tag}/signature", SIGNED if signed else PRESENT, manifest.digest))


@contextmanager
def _signing(images: Mapping[str, SetImage], pushed: Mapping[str, Manifest], tag: str) -> Iterator[None]:
    """Turn what fails while `tag` is signed into an error that says of each image what became of it."""
    try:
        yield
    except WorkbenchError as error:
        states = dict.fromkeys(images, "was not pushed") | dict.fromkeys(pushed, "is pushed and signed")
        states[tag] = f"is pushed and not signed: {error.message}"
        raise FaultsError(
            f"signing failed; {len(pushed)} of {len(images)} images are pushed, and no `latest` moved",
            list(states.items()),
            hint="push again with the same key: it goes on here",
        ) from None


def _point(
    remote: Repository,
    tag: str,
    manifest: Manifest,
    replace: bool,
    report: Callable[[PushedTag], None],
    what: str = PUSHED,
) -> None:
    """Point `tag` to the image of `manifest`, which is in the registry already."""
    existing = remote.manifest(tag)
    if existing is not None and existing.digest == manifest.digest:
        report(PushedTag(tag, PRESENT, manifest.digest))
        return
    if existing is not None and not replace:
        raise WorkbenchError(f"{tag} is another image: {existing.digest}", hint="replace it with --replace")
    remote.put_manifest(tag, manifest.data, manifest.kind)
    report(PushedTag(tag, what, manifest.digest))


def _check_unchanged(remote: Repository, tag: str, manifest: Manifest) -> None:
    existing = remote.manifest(tag)
    if existing is None or existing.digest != manifest.digest:
        raise WorkbenchError(
            f"{remote.host}/{remote.name}:{tag} changed while the set was pushed; no `latest` moved", hint="push again"
        )
