"""Replica sets and volumes as one object: what the HTTP API, the command line and the page are built on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from workbench.replicasets.codes import Code
from workbench.replicasets.engines.capabilities import FileKind, Watching
from workbench.replicasets.engines.opening import open_engine
from workbench.replicasets.engines.protocol import Engine
from workbench.replicasets.errors import NotFound, failing_as
from workbench.replicasets.images import UsableImage, resolve, usable
from workbench.replicasets.listing import Listing, Listings
from workbench.replicasets.observe import observe, observe_set
from workbench.replicasets.operations import address as _address
from workbench.replicasets.operations import attach as _attach
from workbench.replicasets.operations import commit as _commit
from workbench.replicasets.operations import compare as _compare
from workbench.replicasets.operations import delete as _delete
from workbench.replicasets.operations import execute as _execute
from workbench.replicasets.operations import files as _files
from workbench.replicasets.operations import info as _info
from workbench.replicasets.operations import logs as _logs
from workbench.replicasets.operations import patch as _patch
from workbench.replicasets.operations import prune as _prune
from workbench.replicasets.operations import queue as _queue
from workbench.replicasets.operations import reach as _reach
from workbench.replicasets.operations import rollback as _rollback
from workbench.replicasets.operations import run as _run
from workbench.replicasets.operations import state as _state
from workbench.replicasets.operations import upgrade as _upgrade
from workbench.replicasets.operations import volumes as _volumes
from workbench.replicasets.operations.address import Address
from workbench.replicasets.operations.attach import Attached
from workbench.replicasets.operations.compare import Comparison
from workbench.replicasets.operations.execute import Executed, Execution
from workbench.replicasets.operations.files import Files
from workbench.replicasets.operations.info import EngineNotes, Info, Progress, Resources
from workbench.replicasets.operations.logs import Logs
from workbench.replicasets.operations.prune import Pruned
from workbench.replicasets.operations.queue import Calls, Queue
from workbench.replicasets.operations.reach import Upstream
from workbench.replicasets.operations.upgrade import Upgrade
from workbench.replicasets.preflight import Finding, preflight
from workbench.replicasets.rebuild import rebuild
from workbench.replicasets.reconcile import Reconciled, reconcile
from workbench.replicasets.records import READY
from workbench.replicasets.requests import (
    AttachRequest,
    ExecuteRequest,
    LogsRequest,
    PatchRequest,
    RunRequest,
    UpgradeRequest,
)
from workbench.replicasets.restarts import start_again
from workbench.replicasets.rights import look_for_set, look_for_volume
from workbench.replicasets.settings import Settings
from workbench.replicasets.stores.opening import open_store
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.stores.watched import WatchedStore
from workbench.replicasets.turns import Waiting
from workbench.replicasets.values import SYSTEM, Caller, Gpu, Quota, ReplicaSet, Version, Volume
from workbench.replicasets.world import World

T = TypeVar("T")


class ReplicaSets:
    """All operations, for any number of threads. Every error is a ReplicaSetError with a stable code.

    An operation that changes something is done whole when it returns. When it raises, it is undone;
    or, when it raises Unavailable, it is finished or undone by the next operation on the same set or
    by `reconcile`, whichever comes first. Operations on one set follow one another. `caller` is who requests
    it: what it may see, change and hold. By default it is the service itself. What it may not see raises NotFound.
    """

    def __init__(self, settings: Settings, *, engine: Engine | None = None, store: StateStore | None = None) -> None:
        self.settings = settings
        s = settings
        engine = engine or open_engine(s.engine, s.gpu_kind, s.cdi, s.mounts, s.engine_log)
        watched = WatchedStore(store or open_store(settings.store, settings.prefix))
        self._world = World(settings, engine, watched)
        self._watched = watched
        self.listings = Listings(watched, self._problems)
        self._filling, self._calls = threading.Lock(), Calls()
        self.reconciled: Reconciled | None = None

    # Running sets

    def run(self, request: RunRequest, caller: Caller = SYSTEM) -> Version:
        """Run a new set, which is the caller's, and return its first version."""
        with self._changing(Code.RUN) as world:
            return _run.run(world, request, caller)

    def commit(self, name: str, image: str, caller: Caller = SYSTEM) -> str:
        """Make an image of the set's system disk (volumes and binds are no part of it); return its full name."""
        with self._of_set(Code.COMMIT, name, caller) as world:
            return _commit.commit(world, name, image, caller)

    def execute(self, name: str, request: ExecuteRequest, caller: Caller = SYSTEM) -> Executed:
        """Run a program in the set to its end and return its output, exit code, and why it was ended."""
        with self._of_set(Code.EXECUTE, name, caller) as world:
            return _execute.collected(_execute.execute(world, name, request, caller))

    def stream(self, name: str, request: ExecuteRequest, caller: Caller = SYSTEM) -> Execution:
        """Start a program in the set; iterate over what is returned for its output as it comes, then close it."""
        with self._of_set(Code.EXECUTE, name, caller) as world:
            return _execute.execute(world, name, request, caller)

    def may_attach(self, name: str, caller: Caller = SYSTEM) -> None:
        """Raise what `attach` would for a set that is not there, is not the caller's, or does not run."""
        with self._of_set(Code.EXECUTE, name, caller) as world:
            _attach.may_attach(world, name, caller)

    def attach(self, name: str, request: AttachRequest, caller: Caller = SYSTEM) -> Attached:
        """Start a program in the set with the caller's input; iterate over it for its output, then close it."""
        with self._of_set(Code.EXECUTE, name, caller) as world:
            return _attach.attach(world, name, request, caller)

    def patch(self, name: str, request: PatchRequest, caller: Caller = SYSTEM) -> Version:
        """Change the set and return its version: a new one, but for a change of limits alone while it runs."""
        with self._of_set(Code.PATCH, name, caller) as world:
            return _patch.patch(world, name, request, caller)

    def rollback(self, name: str, version: int, caller: Caller = SYSTEM, *, grace: int | None = None) -> Version:
        """Return to the settings and the disk of an older version, as a new one; return that."""
        with self._of_set(Code.ROLLBACK, name, caller) as world:
            return _rollback.rollback(world, name, version, caller, grace)

    def upgrade(
        self, name: str, request: UpgradeRequest, caller: Caller = SYSTEM, *, grace: int | None = None
    ) -> Upgrade:
        """Give the set a newer image with all that was changed in it, as its next version; return what that does.

        Raises Conflict when set and image both changed something and the request does not decide.
        """
        with self._of_set(Code.UPGRADE, name, caller) as world:
            return _upgrade.upgrade(world, name, request, caller, grace)

    def newer_image(self, name: str, caller: Caller = SYSTEM) -> str:
        """Return the image with the newest date of the set's recipe, "" when it has that or cannot get it."""
        with self._reading(Code.UPGRADE) as world:
            return _upgrade.newer_image(world, name, caller)

    def stop(self, name: str, caller: Caller = SYSTEM, *, grace: int | None = None) -> None:
        """End the set's processes in good order; its GPUs, CPUs and memory are free, ports and disk stay.

        Here as in `restart` and `rollback`, its main program gets SIGTERM and `grace` seconds, None for its set's own.
        """
        with self._of_set(Code.STOP, name, caller) as world:
            _state.stop(world, name, caller, grace)

    def restart(self, name: str, caller: Caller = SYSTEM, *, grace: int | None = None) -> Version:
        """Start the set anew, stopped or not, with as many GPUs as it had; return its new version."""
        with self._of_set(Code.RESTART, name, caller) as world:
            return _patch.restart(world, name, caller, grace)

    def pause(self, name: str, caller: Caller = SYSTEM) -> None:
        """Freeze the set's processes where they are. All that it holds stays its own."""
        with self._of_set(Code.PAUSE, name, caller) as world:
            _state.pause(world, name, caller)

    def continue_(self, name: str, caller: Caller = SYSTEM) -> None:
        """Let a paused set go on."""
        with self._of_set(Code.CONTINUE, name, caller) as world:
            _state.continue_(world, name, caller)

    def delete(self, name: str, caller: Caller = SYSTEM) -> None:
        """Delete the set with all its versions and disks; volumes stay."""
        with self._of_set(Code.DELETE, name, caller) as world:
            _delete.delete(world, name, caller)

    def prune(self, name: str, keep: int = 0, *, dry_run: bool = False, caller: Caller = SYSTEM) -> Pruned:
        """Remove the set's versions but the `keep` newest (0: as the settings say); return what that frees.

        With `dry_run` nothing is removed. The current version always stays.
        """
        with self._of_set(Code.PRUNE, name, caller) as world:
            return _prune.prune(world, name, keep, dry_run, caller)

    def logs(self, name: str, request: LogsRequest, caller: Caller = SYSTEM) -> Logs:
        """Return what a version of the set wrote; iterate over it as it comes, then close it."""
        with self._of_set(Code.LOGS, name, caller) as world:
            return _logs.logs(world, name, request, caller)

    def file_kind(self, name: str, path: str, caller: Caller = SYSTEM) -> FileKind:
        """Return what is at a path in the running set."""
        with self._of_set(Code.FILES, name, caller) as world:
            return _files.kind(world, name, path, caller)

    def files(self, name: str, path: str, caller: Caller = SYSTEM) -> Files:
        """Return the archive of a file or folder of the running set; iterate over it, then close it."""
        with self._of_set(Code.FILES, name, caller) as world:
            return _files.files(world, name, path, caller)

    def add_files(self, name: str, folder: str, pieces: Iterable[bytes], caller: Caller = SYSTEM) -> int:
        """Unpack an archive in a folder of the running set; return how large it was."""
        with self._of_set(Code.FILES, name, caller) as world:
            return _files.add_files(world, name, folder, pieces, caller)

    def address(self, name: str, port: int = 0, caller: Caller = SYSTEM) -> Address:
        """Return where the set's IDE is opened, by the port inside (0: the only one, or the usual one)."""
        with self._of_set(Code.INFO, name, caller) as world:
            return _address.address(world, name, port, caller)

    def may_reach(self, name: str, caller: Caller = SYSTEM) -> ReplicaSet:
        """Return the set whose IDE the caller may be led to, running or not."""
        with self._of_set(Code.INFO, name, caller) as world:
            return _reach.may_reach(world, name, caller)

    def reach(self, name: str, port: int = 0, caller: Caller = SYSTEM) -> Upstream:
        """Return where the service itself reaches the IDE of the running set, or another port of it."""
        with self._of_set(Code.INFO, name, caller) as world:
            return _reach.reach(world, name, port, caller)

    def compare(self, name: str, old: int, new: int, caller: Caller = SYSTEM) -> Comparison:
        """Return what changed from one version of the set to another."""
        with self._of_set(Code.COMPARE, name, caller) as world:
            return _compare.compare(world, name, old, new, caller)

    # Reading

    def sets(self) -> list[ReplicaSet]:
        """Return all sets by name."""
        with self._reading(Code.INFO) as world:
            return _info.sets(world)

    def listing(self) -> Listing:
        """Return all sets and volumes as they are recorded; quick however many there are and however often."""
        with self._reading(Code.INFO):
            return self.listings.read()

    @property
    def commits(self) -> int:
        """Another number after each commit to the store."""
        return self._watched.count

    def info(self, name: str, caller: Caller = SYSTEM) -> Info:
        """Return the set, its current version, and the state of its container."""
        with self._reading(Code.INFO) as world:
            return self._retry_filled(lambda: _info.info(world, name, caller))

    def record(self, name: str, caller: Caller = SYSTEM) -> tuple[ReplicaSet, Version]:
        """Return the set and its current version without a request to the engine."""
        with self._reading(Code.INFO) as world:
            return self._retry_filled(lambda: _info.record(world, name, caller))

    def waiting(self, name: str) -> str:
        """Return why the set is pending, "" when it is not, or is gone by now."""
        with self._reading(Code.INFO) as world:
            return _info.waiting(world, name)

    def progress(self, name: str, caller: Caller = SYSTEM) -> Progress | None:
        """Return what is being done to the set, which may not exist yet; None for nothing."""
        with self._reading(Code.INFO) as world:
            return self._retry_filled(lambda: _info.progress(world, name, caller))

    def under_way(self) -> dict[str, Progress]:
        """Return what is being done, by the names of the sets."""
        with self._reading(Code.INFO) as world:
            return _info.under_way(world)

    def history(self, name: str, *, limit: int = 0, before: int = 0, caller: Caller = SYSTEM) -> list[Version]:
        """Return the set's versions, newest first: at most `limit`, and only those below `before`; 0 for all."""
        with self._reading(Code.HISTORY) as world:
            return self._retry_filled(lambda: _info.history(world, name, limit, before, caller))

    def images(self, caller: Caller = SYSTEM) -> list[UsableImage]:
        """Return the images that the caller may run a set of, by name."""
        with self._reading(Code.INFO) as world:
            return usable(world, caller)

    def check_image(self, image: str) -> None:
        """Raise NotFound when sets cannot be run of that image."""
        with self._reading(Code.INFO) as world:
            resolve(world, image, SYSTEM)

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs of this machine."""
        with self._reading(Code.INFO) as world:
            return world.gpus()

    def engine_notes(self) -> EngineNotes:
        """Return what the engine cannot do, and why."""
        return _info.engine_notes(self._world)

    def resources(self) -> Resources:
        """Return what the machine has and who holds what of it."""
        with self._reading(Code.INFO) as world:
            return _info.resources(world)

    def used(self, owner: str) -> Quota:
        """Return how much an owner holds of what quotas count."""
        with self._reading(Code.INFO) as world:
            return _info.used(world, owner)

    # Waiting for GPUs

    def check_turn(self, name: str, gpus: int, caller: Caller = SYSTEM) -> str:
        """Return the owner of a set that would wait for `gpus` GPUs; raises what makes that vain or forbidden."""
        with self._reading(Code.RUN) as world:
            return _queue.check(world, name, gpus, caller)

    def enter_queue(self, name: str, owner: str, gpus: int) -> Waiting:
        """Line up for GPUs; whoever does leaves again (`leave_queue`), called or not."""
        with self._reading(Code.RUN) as world:
            return world.turns.enter(name, owner, gpus, world.now())

    def leave_queue(self, entry: Waiting) -> None:
        """Give a place up, also after a turn that was taken; nothing when it was given up."""
        self._world.turns.leave(entry)

    def queue(self) -> Queue:
        """Return who waits for GPUs, after calling all whose turn it is."""
        with self._reading(Code.INFO) as world:
            return self._calls.now(world, self.commits)

    def cancel_turn(self, name: str, caller: Caller = SYSTEM) -> None:
        """Have the set `name` wait no more: its owner may, and administrators."""
        with self._reading(Code.RUN) as world:
            _queue.cancel(world, name, caller)

    # Volumes

    def create_volume(self, name: str, size: str = "", caller: Caller = SYSTEM) -> Volume:
        """Create a volume, which is the caller's, limited to `size` ("20GB") or without a limit."""
        with self._changing(Code.VOLUME_CREATE) as world:
            return _volumes.create(world, name, size, caller)

    def resize_volume(self, name: str, size: str, caller: Caller = SYSTEM) -> Volume:
        """Give a sized volume another size, in its place; return its new version."""
        with self._of_volume(Code.VOLUME_PATCH, name, caller) as world:
            return _volumes.resize(world, name, size, caller)

    def delete_volume(self, name: str, caller: Caller = SYSTEM) -> None:
        """Delete a volume that no set binds, with what is in it."""
        with self._of_volume(Code.VOLUME_DELETE, name, caller) as world:
            _volumes.delete(world, name, caller)

    def volumes(self) -> list[Volume]:
        """Return all volumes by name."""
        with self._reading(Code.VOLUME_INFO) as world:
            return _volumes.volumes(world)

    def volume(self, name: str, caller: Caller = SYSTEM) -> Volume:
        """Return a volume."""
        with self._reading(Code.VOLUME_INFO) as world:
            return self._retry_filled(lambda: _volumes.volume(world, name, caller))

    def volume_history(self, name: str, caller: Caller = SYSTEM) -> list[Volume]:
        """Return a volume's versions, newest first."""
        with self._reading(Code.VOLUME_HISTORY) as world:
            return self._retry_filled(lambda: _volumes.history(world, name, caller))

    # The service itself

    def reconcile(self) -> list[str]:
        """Settle what a crash broke off; to be called at start, and now and then.

        Return what was done, and what is wrong now and was not before: all of that is in `reconciled`.
        """
        with self._reading(Code.BUSY) as world:
            before, self.reconciled = self.reconciled, reconcile(world)
        known = set(before.problems if before else ())
        return [*self.reconciled.done, *(str(each) for each in self.reconciled.problems if each not in known)]

    def observe(self, container: str = "") -> list[str]:
        """Record what became of a container, by its name, or of those of all sets; return what changed."""
        with self._reading(Code.BUSY) as world:
            return observe_set(world, container.rpartition("-")[0]) if container else observe(world)

    def start_again(self) -> list[str]:
        """Start the sets whose restart policy says so, and which are due; return what was done."""
        with self._reading(Code.BUSY) as world:
            return start_again(world)

    def problem(self, name: str) -> str:
        """Return what the last reconcile could not do for a set, "" for nothing."""
        return self._problems().get(name, "")

    def _problems(self) -> Mapping[str, str]:
        """Return what the last reconcile could not do, by set."""
        found: dict[str, str] = {}
        for each in self.reconciled.problems if self.reconciled else ():
            found[each.set] = f"{found[each.set]}; {each.message}" if each.set in found else each.message
        return found

    def changes(self) -> Iterator[str] | None:
        """Return an iterator over the names of containers that change, "" first; None when the engine has none."""
        watching = self._world.engine.capability(Watching)
        return watching.changes() if watching is not None else None

    def last_lines(self, name: str) -> list[str]:
        """Return what the set's container wrote last before it ended by itself; none for one that runs."""
        with self._reading(Code.INFO) as world:
            return _info.last_lines(world, name)

    def preflight(self) -> Iterator[Finding]:
        """Yield what sets need of the engine, tried with containers of a probe, and why it does not work."""
        with failing_as(Code.ENGINE):
            yield from preflight(self._world.engine, self.settings)

    def check(self) -> None:
        """Raise Unavailable or another ReplicaSetError when engine, store or GPU specs cannot be used (readiness)."""
        with failing_as(Code.ENGINE):
            self._world.engine.check()
            self._world.gpus()
        with failing_as(Code.STORE):
            self._world.store.get(READY)

    def close(self) -> None:
        """Close the store."""
        self._world.store.close()

    @contextmanager
    def _changing(self, code: Code) -> Iterator[World]:
        """Yield the world for a change; the store is filled from the engine first when it never was."""
        with failing_as(code):
            self._fill()
            yield self._world

    @contextmanager
    def _of_set(self, code: Code, name: str, caller: Caller) -> Iterator[World]:
        """As `_changing`; raise NotFound at once for a set that the caller may not see."""
        with self._changing(code) as world:
            look_for_set(world.store, name, caller)
            yield world

    @contextmanager
    def _of_volume(self, code: Code, name: str, caller: Caller) -> Iterator[World]:
        with self._changing(code) as world:
            look_for_volume(world.store, name, caller)
            yield world

    @contextmanager
    def _reading(self, code: Code) -> Iterator[World]:
        with failing_as(code):
            yield self._world

    def _fill(self) -> None:
        if self._world.store.get(READY) is None:
            with self._filling:
                rebuild(self._world)

    def _retry_filled(self, read: Callable[[], T]) -> T:
        """Return what `read` finds; when it finds nothing because the store is new, fill that and read again."""
        try:
            return read()
        except NotFound:
            if self._world.store.get(READY) is not None:
                raise
            self._fill()
            return read()
