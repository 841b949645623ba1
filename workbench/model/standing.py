"""Which image a model stands on: a base, or one of ours that has its framework already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from workbench.attest.installed import installed_packages
from workbench.attest.package import PYPI
from workbench.build import podman
from workbench.build.base_image import how_to_make
from workbench.build.recipe_build import TAG_LABEL
from workbench.catalog.bases import base_tag
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.errors import UsageError, WorkbenchError
from workbench.model.model import Resolved, Standing
from workbench.model.pairing import short
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
    catalogue: Catalogue, place: Place, kind: str, resolved: Resolved, asked: Sequence[str], *, on: str = ""
) -> Standing:
    """Return what a model stands on: `on`, else an image of ours that has what is `asked` for, else the base.

    The rule for the second: it has no IDE, stands on the very base that the model would get, has
    every package that the model names in just the locked version, and none of the lock in another.
    The one with the fewest packages wins. Raises WorkbenchError when there is no base.
    """
    if on:
        if not is_image(on) or not is_qualified(on):
            raise UsageError(f"{on!r} is no full image name", hint="write it with its registry, or localhost/")
        return _on(on, resolved, "--on names it")
    base = _base(place, kind, resolved.python)
    if not podman.is_installed():
        return Standing(base, "", "the base; nobody looked for an image that has more, for podman is not installed")
    below = _layers(base)
    fitting = []
    why = "the base: no image of ours here has what the model asks for"
    for image in _ours():
        if not asked or image == base or _layers(image)[: len(below)] != below:
            continue
        installed = _installed(image)
        missing = [name for name in asked if not _same(installed.get(name, ""), resolved.packages[name])]
        other = [
            f"{name} {installed[name]}"
            for name, version in resolved.packages.items()
            if name in installed and not _same(installed[name], version)
        ]
        if missing or other:
            reason = (
                f"it has no {', '.join(missing)} of the lock's version" if missing else f"it has {', '.join(other)}"
            )
            why = f"the base: {image} was looked at, and {reason}"
            continue
        fitting.append((len(installed), image, installed))
    if fitting:
        _, image, installed = min(fitting, key=lambda found: found[:2])
        held = {name: version for name, version in resolved.packages.items() if name in installed}
        says = f"it has {', '.join(asked)} as locked ({len(held)} of the lock's {len(resolved.packages)} packages)"
        return Standing(image, _id(image), says, held)
    return Standing(base, _id(base), why)


def _on(image: str, resolved: Resolved, why: str) -> Standing:
    """Return an image that was named, with what it holds of the lock as it is locked."""
    if not podman.is_installed() or not podman.exists(image):
        return Standing(image, "", f"{why}; it is not here to be looked into")
    installed = _installed(image)
    held = {name: version for name, version in resolved.packages.items() if _same(installed.get(name, ""), version)}
    return Standing(image, _id(image), why, held)


def _base(place: Place, kind: str, python: str) -> str:
    names = [
        f"{LOCAL_REPOSITORY}:{base_tag(kind, place.os, python, place.release, date)}"
        for date in dict.fromkeys((place.date, LATEST))
    ]
    if not podman.is_installed():
        return names[0]
    for name in names:
        if podman.exists(name):
            return name
    raise WorkbenchError(
        f"the base image {names[0]} is not on this machine", hint=f"make it with {how_to_make(names[0])}"
    )


def _ours() -> Iterator[str]:
    """Yield the images of this machine that are workbenches without an IDE, by their labels."""
    said = podman.tell("list images", "images", "--filter", f"label={TAG_LABEL}", "--format", "json")
    for told in json.loads(said or "[]"):
        tag = (told.get("Labels") or {}).get(TAG_LABEL, "")
        if tag.startswith(_TAGS) and told.get("Names"):
            yield sorted(told["Names"])[0]


def _installed(image: str) -> Mapping[str, str]:
    try:
        return {package.name: package.version for package in installed_packages(image) if package.kind == PYPI}
    except WorkbenchError:
        return {}  # what does not answer has nothing for us


def _layers(image: str) -> list[str]:
    return list(
        json.loads(podman.tell(f"look at {image}", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image))
    )


def _id(image: str) -> str:
    return podman.tell(f"look at {image}", "image", "inspect", "--format", "{{.Id}}", image)


def _same(one: str, other: str) -> bool:
    """Return whether two versions are one: 1.0 and 1.0.0 are, 2.1 and 2.1+cpu are not."""
    try:
        return bool(one) and Version(one) == Version(other)
    except InvalidVersion:
        return one == other
