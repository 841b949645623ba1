"""Images that only podman has, brought to the Docker Engine that builds on them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import IO

from workbench import podman
from workbench.containerfile.stages import bases, last_base
from workbench.errors import WorkbenchError
from workbench.images.background import aside
from workbench.images.base_image import how_to_make
from workbench.images.builder import Builder, BuildRequest, Built, Watcher
from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.store import DockerdStore
from workbench.images.labels import digest_here, on_base
from workbench.images.probe.fit import promised
from workbench.images.siblings import siblings
from workbench.images.store import PODMAN, Seen
from workbench.names import is_qualified
from workbench.process import called_off, interruptible

_CHUNK = 1 << 20
_TOLD_EVERY = 256 << 20
# What makes two images do the same, beside their layers.
_SETTINGS = ("Env", "User", "WorkingDir", "Cmd", "Entrypoint", "Labels")


class WithBases:
    """A Builder for a Docker Engine's BuildKit, which sees the engine's images only: it gets the bases first."""

    def __init__(self, inner: Builder, store: DockerdStore) -> None:
        self.inner = inner
        self.store = store

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes, once all that it stands on is where it is built."""
        # podman takes longer to say what it has.
        here = aside(partial(_siblings, request, self.store))
        digests = {}
        for image in bases(request.stages()):
            if not is_qualified(image):
                raise WorkbenchError(
                    f"FROM {image} does not name its registry", where=request.folder, hint="compose the recipe again"
                )
            digests[image] = bring(image, self.store, watcher, request.folder)
        base = last_base(request.stages())
        request = _labelled(request, base, digests.get(base, ""))
        return self.inner.build(replace(request, siblings=here.result()), watcher)


class WithoutStore:
    """A Builder for a BuildKit by itself, which has no images: it pulls all that it builds on."""

    def __init__(self, inner: Builder, address: Address) -> None:
        self.inner = inner
        self.address = address

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes; raises WorkbenchError for a base that is on this machine only."""
        for image in bases(request.stages()):
            if image.startswith("localhost/"):
                raise WorkbenchError(
                    f"the BuildKit at {self.address} keeps no images, and {image} is on this machine only",
                    where=request.folder,
                    hint="push it to a registry and compose on its name there, or build with a Docker Engine or podman",
                )
        base = last_base(request.stages())
        return self.inner.build(_labelled(request, base, digest_here(base)), watcher)


def _labelled(request: BuildRequest, base: str, digest: str) -> BuildRequest:
    return replace(request, labels={**request.labels, **on_base(base, digest)})


def _siblings(request: BuildRequest, store: DockerdStore) -> tuple[str, ...]:
    """Return the engine's own images of the same bundle, as far as it finds steps in them.

    They outlive what the engine keeps of its builds, which it clears away when the disk fills up.
    """
    recipe = promised(request.folder) if request.cache else None
    here = siblings(store, recipe) if recipe is not None else []
    return tuple(here) if here and store.keeps_layers(here[0]) else ()


def bring(image: str, store: DockerdStore, watcher: Watcher, where: str = "") -> str:
    """Have a base in the engine's store, if it is on this machine at all; the watcher is told what is done.

    What both have and is not the same is brought again when podman's is the younger one. Returns the
    digest of its manifest, "" where nobody knows it. Raises WorkbenchError for a local name that
    neither has.
    """
    asked = aside(partial(store.look, image))
    # What names a digest is the registry's: neither store keeps a carried image under it.
    ours = PODMAN.look(image) if podman.is_installed() and "@" not in image else None
    theirs = asked.result()
    if ours is None and theirs is None and image.startswith("localhost/"):
        raise WorkbenchError(
            f"the base image {image} is not on this machine, neither in podman's store nor in {store.name}'s",
            where=where,
            hint=f"make it with {how_to_make(image) or 'podman or docker'}, or compose the recipe on another base",
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


def _is_same(ours: Seen, theirs: Seen) -> bool:
    """Return whether podman's image and the engine's do the same."""
    same = all((ours.config.get(key) or None) == (theirs.config.get(key) or None) for key in _SETTINGS)
    return same and ours.layers == theirs.layers


def _moment(text: str) -> datetime:
    # Both write nanoseconds, which Python reads from 3.11 on, and drops.
    return datetime.fromisoformat(text)


def _carry(image: str, store: DockerdStore, watcher: Watcher, size: int) -> None:
    """Send what podman saves to the engine, piece by piece."""
    command = [podman.program(), "save", "--quiet", "--format=docker-archive", image]
    with tempfile.TemporaryFile() as said, interruptible():
        saving = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        )
        assert saving.stdout is not None
        try:
            with saving.stdout, called_off(saving.terminate):
                pieces = _pieces(saving, saving.stdout, said, image, watcher, size)
                store.api.streamed(f"take {image}", "POST", "/images/load", content=pieces, query={"quiet": "1"})
        finally:
            saving.kill()
            saving.wait()
    if store.look(image) is None:
        raise WorkbenchError(f"{store.name} took {image} and does not have it", hint="its log tells why")


def _pieces(
    saving: subprocess.Popen[bytes], source: IO[bytes], said: IO[bytes], image: str, watcher: Watcher, size: int
) -> Iterator[bytes]:
    """Yield what podman writes; raises WorkbenchError when it fails, so that no half of an image arrives."""
    done = told = 0
    while piece := source.read(_CHUNK):
        yield piece
        done += len(piece)
        if done - told >= _TOLD_EVERY:
            watcher.line(f"{done / 1e6:.0f} of about {size / 1e6:.0f} MB")
            told = done
    if saving.wait() != 0:
        said.seek(0)
        reason = podman.Completed(saving.returncode, "", said.read().decode(errors="replace")).reason
        raise WorkbenchError(f"podman cannot save {image}: {reason}")
