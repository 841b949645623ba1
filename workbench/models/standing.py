"""Which image a model stands on: a base, or one of ours that has its framework already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from workbench import podman
from workbench.attest.installed import installed_packages
from workbench.attest.package import PYPI
from workbench.catalog.bases import base_tag
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.errors import UsageError, WorkbenchError
from workbench.images.base_lookup import command_to_make
from workbench.images.labels import MODEL_LABEL, TAG_LABEL
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageInfo, ImageStore
from workbench.models.model import Resolved, Standing
from workbench.models.pairing import short
from workbench.names import LATEST, check_date, is_image, is_qualified, pick

# Images without an IDE: nobody wants a server's packages in a model.
_TAGS = ("runtime-", "cuda-runtime-")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look for what a model stands on: release, operating system and day of the bases."""

    release: str
    os: str
    date: str = LATEST

    def check(self, catalogue: Catalogue, python: str) -> None:
        """Raise UsageError or WorkbenchError when the release has no such system or Python."""
        check_date(self.date)
        pins = catalogue.releases[pick(self.release, catalogue.releases, "release")]
        system = pins.systems[pick(self.os, pins.systems, f"operating system of release {self.release}")]
        if python not in system.pythons:
            raise WorkbenchError(
                f"release {self.release} has no Python {python} on {self.os}",
                hint=f"it has {', '.join(system.pythons)}: write one of them in python_version, or give --os",
            )


def kind_of(catalogue: Catalogue, place: Place, resolved: Resolved, brings_cuda: bool, *, gpu: bool) -> str:
    """Return which base a model needs: with CUDA only where its packages bring none of their own.

    Raises WorkbenchError when the release's CUDA is not the one that is asked for, with those that are.
    """
    if not gpu:
        return "standard"
    if brings_cuda:
        return "cuda-thin"
    held = catalogue.releases[place.release].cuda
    for what, key, wanted in (("CUDA", "version", resolved.cuda), ("cuDNN", "cudnn", resolved.cudnn)):
        has = held.get(key, "")
        parts = wanted.split(".")[:2]
        if wanted and has.split(".")[: len(parts)] != parts:
            others = sorted(
                f"{release.name} has {short(release.cuda[key])}"
                for release in catalogue.releases.values()
                if key in release.cuda
            )
            raise WorkbenchError(
                f"no package of the model brings {what}, and release {place.release} has {has or 'none'}, not {wanted}",
                hint=f"{'; '.join(others)}: --release chooses, or name a framework that brings {what} {wanted}",
            )
    return "cuda"


def choose(
    place: Place, kind: str, resolved: Resolved, asked: Sequence[str], *, on: str = "", store: ImageStore = PODMAN
) -> Standing:
    """Return what a model stands on: `on`, else an image of ours that has what is `asked` for, else the base.

    The rule for the second: it has no IDE, stands on the very base that the model would get, has
    every package that the model names in just the locked version, and none of the lock in another.
    The one with the fewest packages wins; where none fits, the one that is nearest is told of.
    Looked for in the builder's `store`, and in podman's, from which it would be brought. Raises
    WorkbenchError when there is no base.
    """
    stores = stores_of(store)
    if on:
        if not is_image(on) or not is_qualified(on):
            raise UsageError(f"{on!r} is no full image name", hint="write it with its registry, or localhost/")
        return _on(on, resolved, stores)
    names = (
        f"{LOCAL_REPOSITORY}:{base_tag(kind, place.os, resolved.python, place.release, date)}"
        for date in dict.fromkeys((place.date, LATEST))
    )
    base, below = first(names, stores)
    if below is None:
        raise WorkbenchError(
            f"the base image {base} is not on this machine", hint=f"make it with {command_to_make(base)}"
        )
    fitting, near = [], []
    for image, seen, kept in _ours(stores):
        if not asked or image == base or seen.layers[: len(below.layers)] != below.layers:
            continue
        installed = _installed(image, kept)
        missing = [name for name in asked if not _same(installed.get(name, ""), resolved.packages[name])]
        other = [
            f"{name} {installed[name]}"
            for name, version in resolved.packages.items()
            if name in installed and not _same(installed[name], version)
        ]
        if missing or other:
            reason = f"it has {', '.join(other)}" if not missing else f"it has no {', '.join(missing)} as locked"
            near.append((len(missing), len(other), len(installed), image, reason))
            continue
        fitting.append((len(installed), image, seen.id, installed))
    if fitting:
        _, image, id_, installed = min(fitting, key=lambda found: found[:2])
        held = {name: version for name, version in resolved.packages.items() if name in installed}
        says = f"it has {', '.join(asked)} as locked ({len(held)} of the lock's {len(resolved.packages)} packages)"
        return Standing(image, id_, says, held)
    if not near:
        return Standing(base, below.id, "the base: no image of ours here has what the model asks for")
    *_, image, reason = min(near)
    return Standing(base, below.id, f"the base: {image} was looked at, and {reason}")


def stores_of(store: ImageStore) -> list[ImageStore]:
    """Return where images may be that a builder with `store` stands on: there, and with podman if that is here."""
    more: list[ImageStore] = [PODMAN] if store is not PODMAN and podman.is_installed() else []
    return [store, *more]


def first(names: Iterable[str], stores: Sequence[ImageStore]) -> tuple[str, ImageInfo | None]:
    """Return the first of `names` that one of the stores has; if none has any, the first name and None."""
    listed = list(names)
    for name in listed:
        for store in stores:
            if (seen := store.inspect(name)) is not None:
                return name, seen
    return listed[0], None


def _on(image: str, resolved: Resolved, stores: Sequence[ImageStore]) -> Standing:
    """Return an image that was named, with what it holds of the lock as it is locked."""
    for store in stores:
        if (seen := store.inspect(image)) is not None:
            installed = _installed(image, store)
            held = {
                name: version for name, version in resolved.packages.items() if _same(installed.get(name, ""), version)
            }
            return Standing(image, seen.id, "--on names it", held)
    return Standing(image, "", "--on names it; it is not here to be looked into")


def _ours(stores: Sequence[ImageStore]) -> Iterator[tuple[str, ImageInfo, ImageStore]]:
    """Yield the images that are workbenches without an IDE, by their labels, each once.

    What is built on one inherits its labels, with somebody's files on top: such an image has another
    name, and a model's image its own labels besides.
    """
    known = set()
    for store in stores:
        for image, tag in store.labelled(TAG_LABEL).items():
            ours = tag.startswith(_TAGS) and image.endswith(f":{tag}") and image not in known
            seen = store.inspect(image) if ours else None
            if seen is not None and MODEL_LABEL not in seen.labels:
                known.add(image)
                yield image, seen, store


def _installed(image: str, store: ImageStore) -> Mapping[str, str]:
    try:
        return {each.name: each.version for each in installed_packages(image, store) if each.kind == PYPI}
    except WorkbenchError:
        return {}  # what does not answer has nothing for us


def _same(one: str, other: str) -> bool:
    """Return whether two versions are one: 1.0 and 1.0.0 are, 2.1 and 2.1+cpu are not."""
    try:
        return bool(one) and Version(one) == Version(other)
    except InvalidVersion:
        return one == other
