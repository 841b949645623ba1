"""Choosing the base image of a model: a base, or one of our images that has its framework already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.version import InvalidVersion, Version

from workbench import podman
from workbench.attest.installed import installed_packages
from workbench.attest.package import PYPI
from workbench.catalog.bases import default_bases
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.errors import UsageError, WorkbenchError
from workbench.images.base_chain import command_to_make
from workbench.images.labels import MODEL_LABEL
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageInfo, ImageStore
from workbench.models.model import ModelBase, Resolved
from workbench.models.pairing import is_near, short
from workbench.names import LATEST, check_date, is_image, is_qualified, pick
from workbench.tag import TAG_LABEL

# Images without an IDE: a server's packages have no use in a model.
_TAGS = ("runtime-", "cuda-runtime-")


@dataclass(frozen=True, slots=True)
class BaseSelection:
    """Which base images may be chosen: their release, operating system and day."""

    release: str
    os: str
    date: str = LATEST

    def check(self, catalogue: Catalogue, python: str) -> None:
        """Raise UsageError or WorkbenchError when the release has no such system or Python."""
        if python not in self.pythons(catalogue):
            raise WorkbenchError(
                f"release {self.release} has no Python {python} on {self.os}",
                hint=f"it has {', '.join(self.pythons(catalogue))}: write one of them in python_version, or give --os",
            )

    def pythons(self, catalogue: Catalogue) -> tuple[str, ...]:
        """Return the Pythons of the operating system; raises UsageError when the release has no such system."""
        check_date(self.date)
        pins = catalogue.release(self.release)
        name = pick(self.os, pins.systems, f"operating system of release {self.release}")
        return tuple(pins.systems[name].pythons)

    def like(self, catalogue: Catalogue, python: str) -> BaseSelection | None:
        """Return the same on another system of the same family that has a Python, None where there is none."""
        systems = catalogue.release(self.release).systems
        family = catalogue.systems[self.os].family
        others = (name for name in systems if catalogue.systems[name].family == family)
        return next((replace(self, os=name) for name in others if python in systems[name].pythons), None)


def base_kind(
    catalogue: Catalogue, selection: BaseSelection, resolved: Resolved, brings_cuda: bool, *, gpu: bool
) -> str:
    """Return which base a model needs: with CUDA only where its packages bring none of their own.

    Raises WorkbenchError when the release's CUDA is not the requested one, with the releases that have it.
    """
    if not gpu:
        return "standard"
    if brings_cuda:
        return "cuda-thin"
    cuda = catalogue.releases[selection.release].cuda
    for what, key, wanted in (("CUDA", "version", resolved.cuda), ("cuDNN", "cudnn", resolved.cudnn)):
        has = cuda.get(key, "")
        parts = wanted.split(".")[:2]
        near = has and (what == "cuDNN" or is_near(has, wanted or has))
        if wanted and has.split(".")[: len(parts)] != parts and not near:
            others = sorted(
                f"{release.name} has {short(release.cuda[key])}"
                for release in catalogue.releases.values()
                if key in release.cuda
            )
            raise WorkbenchError(
                f"no package of the model brings {what}, "
                f"and release {selection.release} has {has or 'none'}, not {wanted}",
                hint=f"{'; '.join(others)}: --release chooses, or name a framework that brings {what} {wanted}",
            )
    return "cuda"


def with_cuda_of_base(catalogue: Catalogue, selection: BaseSelection, resolved: Resolved) -> Resolved:
    """Return what is resolved with the CUDA and cuDNN of the release where those stand in for others, and a note."""
    cuda = catalogue.releases[selection.release].cuda
    for what, key, field in (("CUDA", "version", "cuda"), ("cuDNN", "cudnn", "cudnn")):
        has, wanted = cuda.get(key, ""), getattr(resolved, field)
        parts = wanted.split(".")[:2]
        if wanted and has.split(".")[: len(parts)] != parts:
            note = f"cog.yaml names {what} {wanted}: the base has {has}"
            resolved = replace(resolved, notes=(*resolved.notes, note))
            resolved = replace(resolved, cuda=has) if field == "cuda" else replace(resolved, cudnn=has)
    return resolved


def choose_base(
    selection: BaseSelection,
    kind: str,
    resolved: Resolved,
    requirements: Sequence[str],
    *,
    on: str = "",
    store: ImageStore = PODMAN,
    system_python: str = "",
) -> ModelBase:
    """Return the base of a model: `on`, else an image of ours that has its `requirements`, else the base image.

    The rule for the second: it has no IDE, is built on the very base that the model would get, has
    every package that the model names in exactly the locked version, and none of the lock in another.
    The one with the fewest packages wins; where none fits, the reason names the nearest one.
    Images are searched in the builder's `store`, and in podman's, from which they would be transferred.
    With `system_python` the model has an interpreter of its own, and takes no package of a base with that Python.
    Raises WorkbenchError when there is no base.
    """
    stores = stores_of(store)
    if on:
        if not is_image(on) or not is_qualified(on):
            raise UsageError(f"{on!r} is not a full image name", hint="write it with its registry, or localhost/")
        return _on(on, resolved, stores)
    python = system_python or resolved.python
    names = (
        f"{LOCAL_REPOSITORY}:{default_bases()[kind].image_tag(selection.os, python, selection.release, date)}"
        for date in dict.fromkeys((selection.date, LATEST))
    )
    base, below = first_image(names, stores)
    if below is None:
        raise WorkbenchError(
            f"the base image {base} is not on this machine", hint=f"make it with {command_to_make(base)}"
        )
    if system_python:
        return ModelBase(
            base, below.id, f"the base: Python {resolved.interpreter} and its packages are the model's own"
        )
    fitting, near = [], []
    for image, inspected, kept in _ours(stores):
        if not requirements or image == base or inspected.layers[: len(below.layers)] != below.layers:
            continue
        installed = _installed(image, kept)
        missing = [name for name in requirements if not _same(installed.get(name, ""), resolved.packages[name])]
        other = [
            f"{name} {installed[name]}"
            for name, version in resolved.packages.items()
            if name in installed and not _same(installed[name], version)
        ]
        if missing or other:
            reason = f"it has {', '.join(other)}" if not missing else f"it has no {', '.join(missing)} as locked"
            near.append((len(missing), len(other), len(installed), image, reason))
            continue
        fitting.append((len(installed), image, inspected.id, installed))
    if fitting:
        _, image, id_, installed = min(fitting, key=lambda each: each[:2])
        locked = {name: version for name, version in resolved.packages.items() if name in installed}
        count = f"{len(locked)} of the lock's {len(resolved.packages)} packages"
        return ModelBase(image, id_, f"it has {', '.join(requirements)} as locked ({count})", locked)
    if not near:
        return ModelBase(base, below.id, "the base: no image of ours here has what the model requires")
    *_, image, reason = min(near)
    return ModelBase(base, below.id, f"the base: {image} is nearest, but {reason}")


def stores_of(store: ImageStore) -> list[ImageStore]:
    """Return where the base images of a builder with `store` may be: there, and with podman if it is installed."""
    more: list[ImageStore] = [PODMAN] if store is not PODMAN and podman.is_installed() else []
    return [store, *more]


def first_image(names: Iterable[str], stores: Sequence[ImageStore]) -> tuple[str, ImageInfo | None]:
    """Return the first of `names` that one of the stores has; if none has any, the first name and None."""
    listed = list(names)
    for name in listed:
        for store in stores:
            if (inspected := store.inspect(name)) is not None:
                return name, inspected
    return listed[0], None


def _on(image: str, resolved: Resolved, stores: Sequence[ImageStore]) -> ModelBase:
    """Return an image that was named, with the packages of the lock that it has in the locked version."""
    for store in stores:
        if (inspected := store.inspect(image)) is not None:
            installed = _installed(image, store)
            locked = {
                name: version for name, version in resolved.packages.items() if _same(installed.get(name, ""), version)
            }
            return ModelBase(image, inspected.id, "--on names it", locked)
    return ModelBase(image, "", "--on names it; it is not on this machine to be inspected")


def _ours(stores: Sequence[ImageStore]) -> Iterator[tuple[str, ImageInfo, ImageStore]]:
    """Yield the images that are workbenches without an IDE, by their labels, each once.

    What is built on one inherits its labels, with other files on top: such an image has another name,
    and a model's image has its own labels besides.
    """
    known = set()
    for store in stores:
        for image, tag in store.labelled(TAG_LABEL).items():
            ours = tag.startswith(_TAGS) and image.endswith(f":{tag}") and image not in known
            inspected = store.inspect(image) if ours else None
            if inspected is not None and MODEL_LABEL not in inspected.labels:
                known.add(image)
                yield image, inspected, store


def _installed(image: str, store: ImageStore) -> Mapping[str, str]:
    try:
        return {each.name: each.version for each in installed_packages(image, store) if each.kind == PYPI}
    except WorkbenchError:
        return {}  # an image whose packages cannot be listed has none to offer


def _same(one: str, other: str) -> bool:
    """Return whether two versions are one: 1.0 and 1.0.0 are, 2.1 and 2.1+cpu are not."""
    try:
        return bool(one) and Version(one) == Version(other)
    except InvalidVersion:
        return one == other
