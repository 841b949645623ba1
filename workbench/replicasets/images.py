"""Images and whose they are. Names are resolved here: an engine takes the beginning of any image's id for a name.

An image that was made of a set's disk, by a commit or as the record of a version, is its owner's, and so is what was
built from it: labels are inherited. All others are the machine's, for everybody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.names import is_qualified
from workbench.replicasets import checks
from workbench.replicasets.amendments import read
from workbench.replicasets.engines.capabilities import ListingImages, require
from workbench.replicasets.engines.protocol import EngineImage
from workbench.replicasets.errors import Forbidden, Invalid, NotFound
from workbench.replicasets.values import Caller, Role
from workbench.replicasets.world import World

_ID = re.compile(r"sha256:[0-9a-f]{64}")
_PART_OF_ID = re.compile(r"[0-9a-f]{1,64}")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_LOCAL = "localhost/"
# The owner that an administrator's build gives an image for all: no token is called that.
EVERYBODY = "*"
# What follows the prefix in names of images that are being made, or tried.
_PASSING = ("-unfinished:", "-preflight-")


def resolve(world: World, text: str, caller: Caller) -> tuple[str, EngineImage]:
    """Return the full name that `text` stands for, and the image; of a whole id (`sha256:…`) that id.

    A name without a registry is the caller's own image, else one of this machine, else one of Docker Hub that is
    here already. Raises Invalid, NotFound, and Forbidden for another owner's image.
    """
    checks.image(text)
    for name in _candidates(world, text, caller):
        found = world.engine.image(name)
        if found is not None:
            owner = owner_of(world, found)
            if owner is not None and not caller.may_see(owner):
                continue
            if owner is not None and not caller.may_change(owner):
                whose = f"belongs to {owner}" if owner else "has no owner"
                raise Forbidden(
                    f"the image {text[:100]} {whose}", hint="use another image, or a token with the role admin"
                )
            return name, found
    if _PART_OF_ID.fullmatch(text):
        raise NotFound(f"the engine has no image {text}", hint="an id is not a name: write sha256: and the whole id")
    raise NotFound(f"the engine has no image {text}", hint=f"build it, or `{world.engine.pull_command(text)}`")


def owner_of(world: World, image: EngineImage) -> str | None:
    """Return the owner of an image, "" for administrators, None when it is everybody's."""
    if (owner := image.labels.get(world.label("owner"))) is not None:
        return None if owner == EVERYBODY else owner
    if world.label("id") not in image.labels:
        return None
    # Made before images had owners: a version's disk says whose it is, a committed image does not.
    version = read(image.labels.get(world.label("spec"), ""))
    return version.owner if version is not None else ""


@dataclass(frozen=True, slots=True)
class UsableImage:
    """An image by a name that a set can be run with; `owner` "" is everybody. `released` is a name of a release."""

    name: str
    owner: str
    released: bool


def usable(world: World, caller: Caller) -> list[UsableImage]:
    """Return the images with names that `caller` may run a set of, by name: its own, and everybody's.

    Of others' only administrators get any. Records of versions are left out: they are used by a rollback.
    """
    found = []
    for image in require(world.engine, ListingImages).images(""):
        owner = owner_of(world, image)
        if owner is None or caller.may_change(owner):
            names = [each for each in image.names if not _is_record(world, each)]
            found += [UsableImage(name, owner or "", _is_released(world, name)) for name in names]
    return sorted(found, key=lambda each: each.name)


def name_to_commit(world: World, text: str, caller: Caller) -> str:
    """Return the full name that a new image is given; raises Invalid for one that is not the caller's to give.

    Only administrators name images as they like: whoever else could take the name of an image that others, or a
    build, mean to use would have them use his own.
    """
    checks.image(text)
    if "@" in text:
        raise Invalid(f"{text[:60]!r} has a digest: it comes of itself", hint="give a name and a tag")
    full = _tagged(text if is_qualified(text) else f"{_LOCAL}{text}")
    own = _own(world, caller)
    if caller.role is not Role.ADMIN and not full.startswith(own):
        if not full.startswith(_LOCAL):
            raise Invalid(f"{text[:60]!r} names a registry", hint=f"give a short name: mine:1 becomes {own}mine:1")
        full = f"{own}{full.removeprefix(_LOCAL)}"
    elif full.startswith(_area(world)) and not (own and full.startswith(own)):
        raise Invalid(f"{full[:60]} is where the versions' disks are", hint="choose another name")
    if _is_released(world, full):
        raise Invalid(f"{full[:60]} is a name of a release", hint="choose another name")
    return full


def component(owner: str) -> str:
    """Return an owner's name as a part of a name of images and networks: another one for each owner."""
    return owner if _COMPONENT.fullmatch(owner) else f"x{hashlib.sha256(owner.encode()).hexdigest()[:20]}"


def _candidates(world: World, text: str, caller: Caller) -> Iterator[str]:
    """Yield the full names that `text` may stand for, in order."""
    if _ID.fullmatch(text):
        yield text
        return
    name = _tagged(text)
    own = _own(world, caller)
    if not is_qualified(text):
        if own:
            yield f"{own}{name}"
        yield f"{_LOCAL}{name}"
        yield f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"
        return
    yield name
    # What it is called by its owner, who committed it as that.
    if own and name.startswith(_LOCAL):
        yield f"{own}{name.removeprefix(_LOCAL)}"


def _tagged(name: str) -> str:
    """Return a name with its tag, `latest` by default; with a digest, without a tag."""
    plain, at, digest = name.partition("@")
    head, slash, last = plain.rpartition("/")
    if at:
        return f"{head}{slash}{last.partition(':')[0]}@{digest}"
    return plain if ":" in last else f"{plain}:latest"


def _is_released(world: World, full: str) -> bool:
    return any(full.startswith((f"{each}:", f"{each}/")) for each in world.settings.reserved)


def _is_record(world: World, full: str) -> bool:
    """Return whether that is the name of the disk of a version, or of an image that is there for a moment only."""
    rest = full.removeprefix(_area(world))
    return "/" not in rest or full.startswith(tuple(f"{_LOCAL}{world.settings.prefix}{each}" for each in _PASSING))


def _area(world: World) -> str:
    return f"{_LOCAL}{world.settings.prefix}/"


def _own(world: World, caller: Caller) -> str:
    """Return how the names of the caller's own images begin, "" for the service itself."""
    return f"{_area(world)}{component(caller.name)}/" if caller.name else ""
