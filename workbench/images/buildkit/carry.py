"""Images that only podman has, brought to the Docker Engine that builds on them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import IO

from workbench import podman
from workbench.containerfile.stages import SCRATCH, bases, last_base
from workbench.errors import WorkbenchError
from workbench.images.background import in_background
from workbench.images.base_chain import command_to_make
from workbench.images.builder import Builder, Built, Watcher
from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.store import DockerdStore
from workbench.images.labels import on_base
from workbench.images.podman.store import PODMAN, manifest_digest
from workbench.images.probe.fit import manifest_of
from workbench.images.request import BuildRequest
from workbench.images.reuse import siblings
from workbench.images.store import ImageInfo
from workbench.process import called_off, interruptible

_CHUNK = 1 << 20
_REPORT_EVERY = 256 << 20
# What makes two images behave the same, beside their layers.
_SETTINGS = ("Env", "User", "WorkingDir", "Cmd", "Entrypoint", "Labels")


class CarryingBuilder:
    """A Builder for a Docker Engine's BuildKit, which has the engine's images only: bases are carried there first."""

    def __init__(self, inner: Builder, store: DockerdStore) -> None:
        self.inner = inner
        self.store = store

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes, once the engine has all that it stands on."""
        request.check_bases()
        # podman takes longer to list what it has.
        alike = in_background(partial(_siblings, request, self.store))
        digests = {}
        for image in bases(request.stages()):
            digests[image] = bring(image, self.store, watcher, request.folder)
        base = last_base(request.stages())
        request = _labelled(request, base, digests.get(base, ""))
        return self.inner.build(replace(request, siblings=alike.result()), watcher)


class PullingBuilder:
    """A Builder for a BuildKit by itself, which has no images: it pulls all that it builds on.

    `digest_of` returns the digest of an image's manifest, "" where it is unknown.
    """

    def __init__(self, inner: Builder, address: Address, digest_of: Callable[[str], str] = manifest_digest) -> None:
        self.inner = inner
        self.address = address
        self.digest_of = digest_of

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes; raises WorkbenchError for a base that is on this machine only."""
        for image in bases(request.stages()):
            if image.startswith("localhost/"):
                raise WorkbenchError(
                    f"the BuildKit at {self.address} keeps no images, and {image} is on this machine only",
                    where=request.folder,
                    hint="push it to a registry and compose on it there (--repo), or build with docker or podman",
                )
        base = last_base(request.stages())
        digest = "" if base == SCRATCH else self.digest_of(base)
        return self.inner.build(_labelled(request, base, digest), watcher)


def _labelled(request: BuildRequest, base: str, digest: str) -> BuildRequest:
    return replace(request, labels={**request.labels, **on_base(base, digest)})


def _siblings(request: BuildRequest, store: DockerdStore) -> tuple[str, ...]:
    """Return the engine's own images of the same bundle, as far as it finds steps in them.

    They outlive what the engine keeps of its builds, which it clears away when the disk fills up.
    """
    recipe = manifest_of(request.folder) if request.cache else None
    alike = siblings(store, recipe) if recipe is not None else []
    return tuple(alike) if alike and store.keeps_layers(alike[0]) else ()


def bring(image: str, store: DockerdStore, watcher: Watcher, where: str = "") -> str:
    """Have a base in the engine's store, if it is on this machine at all; the watcher receives what is done.

    What both have and is not the same is brought again when podman's is the younger one. Returns the
    digest of its manifest, "" where that is unknown. Raises WorkbenchError for a local name that
    neither has.
    """
    lookup = in_background(partial(store.inspect, image))
    # What names a digest is the registry's: neither store keeps a carried image under it.
    ours = PODMAN.inspect(image) if podman.is_installed() and "@" not in image else None
    theirs = lookup.result()
    if ours is None and theirs is None and image.startswith("localhost/"):
        raise WorkbenchError(
            f"the base image {image} is not on this machine, neither in podman's store nor in {store.name}'s",
            where=where,
            hint=f"make it with {command_to_make(image) or 'podman or docker'}, or compose the recipe on another base",
        )
    if ours is None:
        if theirs is None:
            watcher.line(f"{image} is not on this machine: BuildKit pulls it")
        return theirs.digest if theirs else ""
    if theirs is not None:
        if _is_same(ours, theirs):
            return ours.digest
        if _moment(ours.created) <= _moment(theirs.created):
            return theirs.digest
    why = "is in podman's store only" if theirs is None else "is younger in podman's store"
    watcher.line(f"{image} {why}: {ours.size / 1e6:.0f} MB go to {store.name}")
    _carry(image, store, watcher, ours.size)
    return ours.digest


def _is_same(ours: ImageInfo, theirs: ImageInfo) -> bool:
    """Return whether podman's image and the engine's do the same."""
    same = all((ours.config.get(key) or None) == (theirs.config.get(key) or None) for key in _SETTINGS)
    return same and ours.layers == theirs.layers


def _moment(text: str) -> datetime:
    # Both write nanoseconds, which Python reads from 3.11 on, and drops.
    return datetime.fromisoformat(text)


def _carry(image: str, store: DockerdStore, watcher: Watcher, size: int) -> None:
    """Send what podman saves to the engine, piece by piece."""
    command = [podman.program(), "save", "--quiet", "--format=docker-archive", image]
    with tempfile.TemporaryFile() as errors, interruptible():
        saving = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        assert saving.stdout is not None
        try:
            with saving.stdout, called_off(saving.terminate):
                pieces = _pieces(saving, saving.stdout, errors, image, watcher, size)
                store.api.streamed(f"take {image}", "POST", "/images/load", content=pieces, query={"quiet": "1"})
        finally:
            saving.kill()
            saving.wait()
    if store.inspect(image) is None:
        raise WorkbenchError(f"{store.name} took {image} and does not have it", hint="its log says why")


def _pieces(
    saving: subprocess.Popen[bytes], source: IO[bytes], errors: IO[bytes], image: str, watcher: Watcher, size: int
) -> Iterator[bytes]:
    """Yield what podman writes; raises WorkbenchError when it fails, so that no half of an image arrives."""
    done = reported = 0
    while piece := source.read(_CHUNK):
        yield piece
        done += len(piece)
        if done - reported >= _REPORT_EVERY:
            watcher.line(f"{done / 1e6:.0f} of about {size / 1e6:.0f} MB")
            reported = done
    if saving.wait() != 0:
        errors.seek(0)
        reason = podman.Completed(saving.returncode, "", errors.read().decode(errors="replace")).reason
        raise WorkbenchError(f"podman cannot save {image}: {reason}")
