"""A version's system disk before it goes anywhere: it is frozen, and may hold so much."""

from __future__ import annotations

from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import Pausing, require
from workbench.replicasets.engines.disk_capabilities import MeasuringDisks
from workbench.replicasets.errors import EngineError, Exhausted
from workbench.replicasets.quantities import about
from workbench.replicasets.values import Version
from workbench.replicasets.world import World

# What a version is noted to lack whose disk was recorded as an image: see RecordingDisks.
RECORDED = "its disk went through an image: sparse files are written out, times are whole seconds, sockets are left out"
# So little fits, or the engine's own answer will be that nothing does.
_LITTLE = 64 << 20


def freeze(world: World, version: Version) -> None:
    """Freeze a running version, so that its disk is at rest; raises EngineError where the engine cannot."""
    try:
        require(world.engine, Pausing).pause(version.container)
    except EngineError as error:
        hint = error.hint or "stop the set first: then it need not be frozen"
        raise EngineError(error.message, error.status, hint=hint) from None


def check_size(world: World, version: Version, *, recorded: bool) -> None:
    """Raise Exhausted when the disk of a version is larger than the service allows, or than what is free.

    `recorded`: an image is made of it, in which an engine may have to write holes out. The version must not be running.
    """
    measuring = world.engine.capability(MeasuringDisks)
    if measuring is None:
        return
    size = (measuring.recorded_size if recorded else measuring.container_size)(version.container)
    limit = world.settings.disk
    if limit and size > limit:
        raise Exhausted(
            f"the system disk of {version.container} holds {about(size)}, and {about(limit)} are allowed",
            Code.QUOTA,
            hint="remove files in the set, or have the limit raised: serve --disk-limit",
        )
    if size > _LITTLE and size > (free := measuring.free_bytes()):
        raise Exhausted(
            f"the system disk of {version.container} takes {about(size)}{' as an image' if recorded else ''}, "
            f"and the engine has {about(free)} free",
            hint="remove files in the set (holes of sparse files are written out)" if recorded else "remove files",
        )
