"""The next version of a set takes the place of the current one, with a system disk that an older one had.

Where disks are carried, the next version stands ready with its disk before the current one is ended: its
processes are frozen only while it is read. Then they get SIGTERM and their time to end, and what they still
wrote is carried too. Where disks are recorded as images, they are ended first, for an image is made once. The
current version is kept until the next one runs, and its disk after that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from workbench.replicasets import claims, containers, folders
from workbench.replicasets.disks import RECORDED, check_size, freeze
from workbench.replicasets.edits import edits_of, lost, save_edits
from workbench.replicasets.engines.capabilities import Pausing, StartingAfresh, require
from workbench.replicasets.engines.disk_capabilities import CarryingDisks, RebasingDisks, RecordingDisks
from workbench.replicasets.errors import EngineError, Unsupported
from workbench.replicasets.leftovers import discard, leave
from workbench.replicasets.observe import started
from workbench.replicasets.records import find_version, put_set, put_version, set_journal, set_key
from workbench.replicasets.rights import own_binds, volumes_of
from workbench.replicasets.saga import Saga, SagaStep, carry_out, saga
from workbench.replicasets.stores.protocol import Changes, StateEntry
from workbench.replicasets.values import Caller, ReplicaSet, Version
from workbench.replicasets.world import World

# Containers in these states are up, or on their way: what takes their place is undone by making them so again.
_UP = ("running", "paused", "pending", "unplaced")


@dataclass(frozen=True, slots=True)
class DiskImage:
    """The disk of a version (its container stands or is frozen) that an image is made of."""

    version: Version
    image: str


@dataclass(frozen=True, slots=True)
class Rebase:
    """Another image for the next version, by its id; `keep` is RebasingDisks', `notes` are for the version."""

    image: str
    keep: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplacePlan:
    """The plan. `base` is what the next container is made from, `carried` the container whose disk it is given.

    `was` is the state of the old container before (running, paused, pending, exited …); `retired` is the
    image that records the old version's disk once its container is removed, "" when the container stays. `grace` is
    how many seconds the old one has to end. `rebase` is for a disk that is carried to another image.
    """

    set: ReplicaSet
    old: Version
    new: Version
    was: str
    base: str
    carried: Version | None = None
    records: tuple[DiskImage, ...] = ()
    retired: str = ""
    grace: int = 0
    rebase: Rebase | None = None

    @property
    def reads_running(self) -> bool:
        """Whether the disk that is carried is that of processes that run: they are frozen meanwhile."""
        return self.was == "running" and self.carried is not None and self.carried.number == self.old.number

    @property
    def waits_for_image(self) -> bool:
        """Whether the next container is made from an image that is recorded once the current one has ended."""
        return any(each.image == self.base for each in self.records)


def _freeze(world: World, plan: ReplacePlan) -> None:
    if plan.reads_running:
        freeze(world, plan.old)


def _restore(world: World, plan: ReplacePlan) -> None:
    """Make the old container do what it did; if it had to be ended already, it is started again."""
    found = containers.look_up(world, plan.old)
    if found is None or plan.was not in _UP:
        return
    containers.resume(world, plan.old)
    if not found.is_alive and not found.is_pending:
        found = replace(found, state="running")
    if plan.was == "running" and found.state == "paused":
        require(world.engine, Pausing).unpause(plan.old.container)
    if plan.was == "paused" and found.state == "running":
        require(world.engine, Pausing).pause(plan.old.container)


def _record(world: World, plan: ReplacePlan) -> None:
    for each in plan.records:
        image = world.engine.image(containers.find(world, each.version).image)
        squash = image is not None and image.depth >= world.settings.depth
        check_size(world, each.version, recorded=True)
        require(world.engine, RecordingDisks).commit(
            each.version.container, each.image, squash=squash, labels=containers.record_labels(world)
        )


def _forget(world: World, plan: ReplacePlan) -> None:
    for each in plan.records:
        require(world.engine, RecordingDisks).remove_image(each.image)


def _create(world: World, plan: ReplacePlan) -> None:
    if not plan.waits_for_image:
        containers.create(world, plan.new, plan.base)


def _create_recorded(world: World, plan: ReplacePlan) -> None:
    if plan.waits_for_image:
        containers.create(world, plan.new, plan.base)


def _remove(world: World, plan: ReplacePlan) -> None:
    discard(world, plan.new)


def _carry(world: World, plan: ReplacePlan) -> None:
    if plan.carried is not None:
        check_size(world, plan.carried, recorded=False)
        if plan.rebase is not None:
            keep = plan.rebase.keep
            require(world.engine, RebasingDisks).rebase(plan.carried.container, plan.new.container, keep)
        else:
            require(world.engine, CarryingDisks).carry(plan.carried.container, plan.new.container)


def _end(world: World, plan: ReplacePlan) -> None:
    if containers.look_up(world, plan.old) is not None:
        world.engine.stop(plan.old.container, plan.grace)


def _let_end(world: World, plan: ReplacePlan) -> None:
    """Have the end that was begun behind us: the engine may still be at it, and would end what is started again."""
    found = containers.look_up(world, plan.old)
    if found is not None and (found.is_alive or found.is_pending):
        with suppress(EngineError):
            world.engine.stop(plan.old.container, plan.grace)


def _start(world: World, plan: ReplacePlan) -> None:
    if plan.was not in _UP:
        containers.check_ports(world, plan.new)
    made = containers.start(world, plan.new, edits_of(world, _origin(plan)))
    if made.state == "unplaced" and plan.was == "running":
        # A set that waits for a place may go on waiting; one that runs is not given up for that.
        raise EngineError(
            f"there is no place for {plan.new.container}: {made.reason}", hint="stop the set first: then it may wait"
        )


def _origin(plan: ReplacePlan) -> Version:
    """Return the version whose disk the next one begins with."""
    return plan.old if plan.new.origin == plan.old.number else replace(plan.old, number=plan.new.origin)


def _switch(world: World, plan: ReplacePlan) -> Changes:
    current = started(world, replace(plan.set, current=plan.new.number, ending=None), plan.new)
    changes = put_set(current) | put_version(plan.new)
    disks = {each.version.number: replace(each.version, disk=each.image) for each in plan.records}
    for version in disks.values():
        changes |= put_version(version)
    changes |= save_edits(world, plan.old)
    return changes | claims.keep_version(claims.read_ledger(world.store), plan.new.id, plan.new.number)


def _retire(world: World, plan: ReplacePlan) -> None:
    if plan.retired:
        containers.remove(world, plan.old)
    folders.release(world, plan.old)


def _left(world: World, plan: ReplacePlan) -> Changes:
    return leave(plan.old, ())


def _undone(world: World, plan: ReplacePlan) -> Changes:
    return claims.release_version(claims.read_ledger(world.store), plan.new.id, plan.new.number)


REPLACE = saga(
    Saga(
        "replace",
        ReplacePlan,
        (
            SagaStep("freeze", _freeze, _restore, running=True),
            SagaStep("create", _create, _remove),
            SagaStep("carry", _carry),
            SagaStep("end", _end, _let_end),
            SagaStep("record", _record, _forget),
            SagaStep("create from it", _create_recorded, _remove),
            SagaStep("carry the last", _carry),
            SagaStep("start", _start),
            SagaStep("retire", _retire, changes=_switch),
        ),
        point=8,
        effective=8,
        left=_left,
        undone=_undone,
    )
)


def replace_version(
    world: World,
    current: ReplicaSet,
    wanted: Version,
    gpus: int,
    source: Version,
    caller: Caller,
    grace: int | None = None,
    rebase: Rebase | None = None,
) -> Version:
    """Make `wanted` the next version of the set, with `gpus` GPUs and the disk of `source`; return it.

    `grace` is how many seconds the current one has to end, None for what it has of its own. With `rebase` the disk
    goes to another image; raises Unsupported where it cannot be carried.

    The caller holds the set. `source` is the current version or an older one. Volumes that the
    current version does not bind must be the caller's: one that an older version bound may have been
    deleted, and be somebody else's of the same name by now.
    """
    bound = volumes_of(find_version(world.store, current, current.current))
    entry = world.store.get(set_key(current.name))
    quota = caller.quota_of(current.owner)

    containers.check_capabilities(world, wanted, gpus)
    # Undoing removes the next version's container: it must be one of our making.
    containers.check_new(world, wanted)

    def prepare() -> tuple[ReplacePlan, Changes]:
        volumes = containers.check_volumes(world, wanted)
        own_binds(world.store, wanted, caller, bound)
        ledger = claims.read_ledger(world.store)
        new, reserved = claims.claim(ledger, world.machine(gpus > 0), wanted, gpus, quota)
        checks = Changes({set_key(current.name): _revision(entry)}) | volumes
        plan = _plan(world, current, new, source, rebase)
        return replace(plan, grace=plan.old.grace if grace is None else grace), checks | reserved

    return carry_out(world, REPLACE, set_journal(current.name), prepare).new


def next_version(world: World, current: ReplicaSet, like: Version, origin: int) -> Version:
    """Return the version that comes after the current one: `like` that version, with the disk of `origin`."""
    return replace(
        like,
        number=current.current + 1,
        created=world.now(),
        origin=origin,
        disk="",
        gpus=like.gpus,
        owner=current.owner,
        notes=(),
    )


def _plan(
    world: World, current: ReplicaSet, new: Version, source: Version, rebase: Rebase | None = None
) -> ReplacePlan:
    old = find_version(world.store, current, current.current)
    is_old = source.number == old.number
    standing = containers.look_up(world, old)
    was = standing.state if standing else "gone"
    afresh = world.engine.capability(StartingAfresh)
    if afresh is not None:
        return ReplacePlan(current, old, replace(new, notes=(afresh.afresh,)), was, new.image_id)
    records: list[DiskImage] = []
    base, carried = source.disk, None
    if rebase is not None and (source.disk or not _can_carry(world, source)):
        raise Unsupported(f"the disk of {source.container} cannot be carried to another image from here")
    if not source.disk:
        found = containers.find(world, source)
        if _can_carry(world, source):
            base, carried = found.image, source
        else:
            base = world.disk_image(source.id, source.number)
            records.append(DiskImage(source, base))
    elif world.engine.image(source.disk) is None:
        raise EngineError(f"the image that held the disk of {source.container} is gone from the engine", 404)
    retired = ""
    if standing is not None and not _can_carry(world, old):
        retired = world.disk_image(old.id, old.number)
        if not is_old:
            records.append(DiskImage(old, retired))
    if records:
        require(world.engine, RecordingDisks)
    notes = ([] if carried else [RECORDED]) + lost(edits_of(world, source))
    if rebase is not None:
        base, notes = rebase.image, [*notes, *rebase.notes]
    new = replace(new, notes=tuple(notes))
    plan = ReplacePlan(current, old, new, was, base, carried, tuple(records), retired, rebase=rebase)
    if plan.reads_running:
        require(world.engine, Pausing)
    return plan


def _can_carry(world: World, version: Version) -> bool:
    carrying = world.engine.capability(CarryingDisks)
    if carrying is None or world.settings.carry != "auto" or containers.look_up(world, version) is None:
        return False
    return carrying.can_carry(version.container)


def _revision(entry: StateEntry | None) -> int:
    return entry.revision if entry else 0
