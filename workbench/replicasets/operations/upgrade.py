"""A set on a newer image: the next version begins with that, and has what the current one changed on its own image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.replicasets import checks, containers, images
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import StartingAfresh, require
from workbench.replicasets.engines.disk_capabilities import Overlaps, RebasingDisks, RecordingDisks
from workbench.replicasets.errors import Conflict, Invalid, NotFound, Unsupported
from workbench.replicasets.operations.replace import Rebase, next_version, replace_version
from workbench.replicasets.records import find_version, set_journal
from workbench.replicasets.requests import UpgradeRequest
from workbench.replicasets.rights import own_set
from workbench.replicasets.saga import exclusive
from workbench.replicasets.values import Caller, Version
from workbench.replicasets.world import World
from workbench.tag import TAG_LABEL


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade does, or did: the image, what both sides changed, and the version, None for one only shown."""

    image: str
    overlaps: Overlaps
    version: Version | None = None


def upgrade(world: World, name: str, request: UpgradeRequest, caller: Caller, grace: int | None = None) -> Upgrade:
    """See ReplicaSets.upgrade."""
    checks.set_name(name)
    checks.grace(grace)
    is_afresh = world.engine.capability(StartingAfresh) is not None
    if not is_afresh:
        require(world.engine, RebasingDisks)
    elif not request.image:
        raise Invalid("the image to go on with is missing: which there are is not known here", hint="--image NAME")
    with exclusive(world, set_journal(name)):
        current = own_set(world.store, name, caller)
        old = find_version(world.store, current, current.current)
        image, found = images.resolve(world, request.image or _newer(world, old), caller)
        container = containers.find(world, old)
        base = world.engine.image(container.image)
        if container.image == found.id:
            raise Invalid(f"{name} is on {image} already", Code.NOTHING_TO_PATCH)
        if base is not None and base.labels.get(world.label(containers.ID)):
            raise Unsupported(
                f"the disk of {old.container} went through an image: what the set changed is no longer apart from it",
                hint=f"run a new set of {image}, and copy the files with `rs cp`",
            )
        # Where nothing of the disk goes along nothing can overlap.
        overlaps = Overlaps() if is_afresh else require(world.engine, RebasingDisks).overlaps(old.container, found.id)
        if request.dry_run:
            return Upgrade(image, overlaps)
        if overlaps and not request.keep:
            raise Conflict(
                f"{name} and {image} both changed {_count(overlaps)}",
                Code.OVERLAPS,
                hint=f"`rs upgrade {name} --image {image} --dry-run` lists them; --keep mine or --keep image decides",
            )
        wanted = replace(next_version(world, current, old, old.number), image=image, image_id=found.id)
        rebase = None if is_afresh else Rebase(found.id, request.keep, _notes(overlaps, request.keep))
        version = replace_version(world, current, wanted, len(old.gpus), old, caller, grace, rebase)
        return Upgrade(image, overlaps, version)


def newer_image(world: World, name: str, caller: Caller) -> str:
    """See ReplicaSets.newer_image."""
    checks.set_name(name)
    current = own_set(world.store, name, caller)
    if any(world.engine.capability(kind) is None for kind in (RebasingDisks, RecordingDisks)):
        return ""
    return _newest(world, find_version(world.store, current, current.current))


def _newer(world: World, version: Version) -> str:
    """Return the image with the newest date of the recipe that the version is of; raises NotFound."""
    found = _newest(world, version)
    if not found:
        raise NotFound(f"there is no newer image than {version.image}", hint="build one, or name it with --image")
    return found


def _newest(world: World, version: Version) -> str:
    """Return the image with a later date than the version's, the newest one, "" for none."""
    stem, _, date = version.image.rpartition("_")
    dates = {
        name.rpartition("_")[2]
        for each in require(world.engine, RecordingDisks).images(TAG_LABEL)
        for name in each.names
        if stem and name.rpartition("_")[0] == stem
    }
    newest = max((each for each in dates if each.isdigit() and each > date), default="")
    return f"{stem}_{newest}" if newest else ""


def _count(overlaps: Overlaps) -> str:
    counts = ((len(overlaps.paths), "path"), (len(overlaps.packages), "package"))
    return " and ".join(f"{count} {what}{'s' * (count > 1)}" for count, what in counts if count)


def _notes(overlaps: Overlaps, keep: str) -> tuple[str, ...]:
    """Return what whoever owns the set should know of its packages, and of the files that were left beside."""
    stay = [*overlaps.shadowed, *(overlaps.packages if keep == "mine" else ())]
    notes = [f"{each.name} is {each.mine or 'removed'}, as the set has it; the image has {each.now}" for each in stay]
    if keep == "image":
        notes += [
            f"{each.name} is the image's {each.now or 'none'}, no longer {each.mine}" for each in overlaps.packages
        ]
    count = len(overlaps.paths)
    if count:
        paths = "1 path" if count == 1 else f"{count} paths"
        kept = "the set's, the image's beside as .image" if keep == "mine" else "the image's"
        notes.append(f"{paths} that both changed: {kept}")
    return tuple(notes)
