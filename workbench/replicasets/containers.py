"""A version's container: creating, starting and removing it. Each may be done again without harm."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from workbench.replicasets import folders, networks
from workbench.replicasets.amendments import limits, read, version_at_creation
from workbench.replicasets.codec import encode
from workbench.replicasets.edits import Edits, edits_of
from workbench.replicasets.edits import start as start_edited
from workbench.replicasets.engines.capabilities import (
    BindingFolders,
    CountingGpus,
    LiveLimits,
    PinningGpus,
    RunningElsewhere,
    require,
)
from workbench.replicasets.engines.ports import is_free
from workbench.replicasets.engines.protocol import Container, ContainerSpec
from workbench.replicasets.errors import Conflict, EngineError, Exhausted, NotFound, ReplicaSetError
from workbench.replicasets.options import recorded
from workbench.replicasets.records import volume_journal, volume_key
from workbench.replicasets.saga import settle
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Bind, Version
from workbench.replicasets.world import World, wait

ID = "id"
SPEC = "spec"
# How much of what a container wrote last is kept: it may be written on purpose.
LINES = 20
_MOST = 4000
# ECMA-48: CSI sequences, and the strings that OSC and its like begin.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?")
ENV = "env"
OWNER = "owner"


def labels(world: World, version: Version) -> dict[str, str]:
    """Return the labels from which an empty store can be filled with the version again."""
    return {
        world.label("rs"): version.set,
        world.label(ID): version.id,
        world.label("version"): str(version.number),
        world.label("gpus"): ",".join(version.gpus),
        world.label(OWNER): version.owner,
        # Apart, so that images do not inherit the values of variables.
        world.label(SPEC): encode(replace(version, env=())),
        world.label(ENV): json.dumps(version.env),
    }


def record_labels(world: World) -> dict[str, str]:
    """Return the labels by which the image of a version's disk differs from its container: no values of variables."""
    return {world.label(ENV): ""}


def commit_labels(world: World, version: Version) -> dict[str, str]:
    """Return the labels of an image that is given to the set's owner: it no longer counts as a version."""
    return {world.label(name): "" for name in ("rs", ID, "version", "gpus", SPEC, ENV)} | {
        world.label(OWNER): version.owner
    }


def labelled_version(world: World, labels: Mapping[str, str]) -> Version | None:
    """Return the version that labels describe, with the variables where they are among them; None for none."""
    version = read(labels.get(world.label(SPEC), ""))
    env = labels.get(world.label(ENV), "")
    try:
        return version if version is None or not env else replace(version, env=tuple(json.loads(env)))
    except (ValueError, TypeError):
        return None


def volume_name(world: World, name: str) -> str:
    """Return the engine's name of a volume."""
    return f"{world.settings.prefix}-{name}"


def create(world: World, version: Version, image: str) -> None:
    """Create the version's container from `image`; what an earlier attempt left is removed first."""
    check_name(world, version)
    remove(world, version)
    binds = tuple(
        Bind(volume_name(world, bind.src), bind.dest, bind.read_only) if bind.is_volume else bind
        for bind in folders.attach(world, version)
    )
    with networks.joining(world, version.owner) as network:
        world.engine.create(
            ContainerSpec(
                name=version.container,
                image=image,
                labels=labels(world, version),
                command=version.command,
                # An engine with NVIDIA's hook would give every GPU to an image that requests them itself.
                env=("NVIDIA_VISIBLE_DEVICES=void", f"CONTAINER_VERSION={version.number}"),
                secrets=version.env,
                network=network,
                gpus=version.gpus,
                binds=binds,
                ports=version.ports,
                publish=world.settings.publish,
                private=(world.label(ENV),),
                **(recorded(version) | {"shm": version.shm or _half_of_memory(world, version)}),
            )
        )


def _half_of_memory(world: World, version: Version) -> int:
    """Return half of a version's memory, or of the machine's; 0 where nobody knows which machine that will be."""
    if not version.memory and world.engine.capability(RunningElsewhere) is not None:
        return 0
    return (version.memory or world.settings.memory) // 2


def start(world: World, version: Version, edits: Edits | None = None) -> Container:
    """Start the version's container, watch it for a moment, return it; raises EngineError when it ended with an error.

    `edits` are what was edited in an earlier container of the set, or in this one (`edits_of`). Where starting takes
    its time the container may be pending still.
    """
    folders.keep(world, version)
    start_edited(world, version.container, edits or {})
    for last in (False, True):
        container = find(world, version)
        if not container.is_alive and container.exit_code != 0:
            reason = f" ({container.reason})" if container.reason else ""
            raise EngineError(
                f"{version.container} ended at once with code {container.exit_code}{reason}", hint=_log(world, version)
            )
        if not last:
            wait(world.settings.watch_seconds)
    return container


def last_lines(world: World, name: str) -> list[str]:
    """Return what a container wrote last, oldest first; none when the engine cannot return it."""
    try:
        lines = world.engine.last_lines(name, LINES)
    except ReplicaSetError:
        return []
    kept: list[str] = []
    for line in (_plain(each) for each in reversed(lines)):
        if sum(map(len, kept)) + len(line) > _MOST:
            break
        kept.insert(0, line)
    return kept


def _plain(line: str) -> str:
    """Return a line without what would move the cursor, colour, or do worse to a terminal that shows it."""
    return "".join(each for each in _SEQUENCES.sub("", line) if each.isprintable() or each == "\t")


def _log(world: World, version: Version) -> str:
    """Return what to show of a container that is removed in a moment: its last lines."""
    lines = last_lines(world, version.container)
    return "\n".join(["it wrote last:", *lines]) if lines else "it wrote nothing"


def resume(world: World, version: Version) -> None:
    """Start a container that ran before, with its present limits: the engine knows only those of its creation.

    One that runs already gets its limits too: whoever started it may have been interrupted after that.
    """
    container = find(world, version)
    if not container.is_alive:
        folders.keep(world, version)
        start_edited(world, version.container, edits_of(world, version))
    if container.state != "paused" and limits(version) != limits(version_at_creation(world, container)):
        require(world.engine, LiveLimits).set_limits(version.container, version.cpus, version.memory)


def remove(world: World, version: Version) -> None:
    """Remove the version's container; one of the same name that is not ours stays."""
    container = look_up(world, version)
    if container is not None:
        world.engine.remove(container.id)
    folders.release(world, version)


def check_name(world: World, version: Version) -> None:
    """Raise Conflict when a container that is not ours has the name of the version's."""
    container = world.engine.container(version.container)
    if container is not None and container.labels.get(world.label(ID)) != version.id:
        raise Conflict(
            f"the engine has a container {version.container} that is not ours", hint="rename it, or choose another name"
        )


def check_new(world: World, version: Version) -> None:
    """Raise Conflict when the version's container ran already: the store is an older copy that does not have it."""
    check_name(world, version)
    container = look_up(world, version)
    if container is not None and container.started:
        raise Conflict(f"{version.container} exists already, but not in the store", hint="reconcile first")


def look_up(world: World, version: Version) -> Container | None:
    """Return the version's container, None when it does not exist or is not ours."""
    container = world.engine.container(version.container)
    return container if container is not None and container.labels.get(world.label(ID)) == version.id else None


def find(world: World, version: Version) -> Container:
    """Return the version's container; raises NotFound."""
    container = look_up(world, version)
    if container is None:
        raise NotFound(
            f"the container {version.container} no longer exists in the engine", hint="roll back to an older version"
        )
    return container


def check_volumes(world: World, version: Version) -> Changes:
    """Return the checks that the volumes of the version exist and that no operation is under way on them.

    Waits for an operation under way; raises NotFound for a volume that does not exist.
    """
    checks: dict[str, int] = {}
    for bind in version.binds:
        if bind.is_volume:
            settle(world, volume_journal(bind.src))
            entry = world.store.get(volume_key(bind.src))
            if entry is None:
                raise NotFound(f"there is no volume {bind.src}", hint="create it first")
            checks |= {volume_journal(bind.src): 0, volume_key(bind.src): entry.revision}
    return Changes(checks)


def check_capabilities(world: World, version: Version, gpus: int) -> None:
    """Raise Unsupported when the engine cannot make a container of the version, with that many GPUs."""
    if gpus and world.engine.capability(CountingGpus) is None:
        require(world.engine, PinningGpus)
    if any(not bind.is_volume for bind in version.binds):
        require(world.engine, BindingFolders)


def check_ports(world: World, version: Version) -> None:
    """Raise Exhausted when another program listens on a port that the version holds; its set must not be running."""
    for port in version.ports:
        if port.host and not is_free(world.settings.publish, port.host, port.protocol):
            raise Exhausted(f"port {port.host} is in use by another program", hint="end it, or choose others")
