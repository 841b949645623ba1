"""An engine that lacks a capability: what needs it is refused and changes nothing, everything else works."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, NEWER, FakeEngine, MemoryStore, service
from tests.replicasets.test_crashes import disks, world
from tests.replicasets.truth import check
from workbench.replicasets.codes import Code
from workbench.replicasets.engines import capabilities
from workbench.replicasets.engines.capabilities import (
    Attaching,
    BindingFolders,
    CopyingFiles,
    KeepingEdits,
    KeepingSecrets,
    ListingImages,
    LiveLimits,
    MountingVolumes,
    Pausing,
    PinningGpus,
    Probing,
    ReachingContainers,
    ReadingLogs,
    RemovingRemains,
    SeparatingNetworks,
    Watching,
)
from workbench.replicasets.engines.disk_capabilities import (
    CarryingDisks,
    ComparingDisks,
    MeasuringDisks,
    RebasingDisks,
    RecordingDisks,
)
from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.errors import Unsupported
from workbench.replicasets.requests import AttachRequest, LogsRequest, PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Bind
from workbench.replicasets.volumes.drivers import driver_of

Operation = Callable[[ReplicaSets, Path], object]
NO_DISK = (RecordingDisks, CarryingDisks)
PAUSE, RECORD = "this engine cannot pause containers", "this engine cannot record the disk of a container as an image"
GPUS, FOLDERS = "this engine cannot give chosen GPUs to a container", "this engine cannot bind folders of its host"
FILES = "this engine cannot copy files into and out of containers"
SIZES = "this engine cannot use volumes that have a size"
REFUSED: dict[str, tuple[tuple[type, ...], str, Operation]] = {
    "pause": ((Pausing,), PAUSE, lambda rs, folder: rs.pause("foo")),
    "continue": ((Pausing,), PAUSE, lambda rs, folder: rs.continue_("frozen")),
    "patch running": ((Pausing,), PAUSE, lambda rs, folder: rs.patch("foo", PatchRequest(gpus=3))),
    "restart running": ((Pausing,), PAUSE, lambda rs, folder: rs.restart("foo")),
    "commit running": ((Pausing,), PAUSE, lambda rs, folder: rs.commit("foo", "mine:1")),
    "commit": ((RecordingDisks,), RECORD, lambda rs, folder: rs.commit("foo", "mine:1")),
    "commit stopped": ((RecordingDisks,), RECORD, lambda rs, folder: rs.commit("off", "mine:1")),
    "patch": (NO_DISK, RECORD, lambda rs, folder: rs.patch("foo", PatchRequest(gpus=3))),
    "rollback": (NO_DISK, RECORD, lambda rs, folder: rs.rollback("foo", 1)),
    "restart stopped": (NO_DISK, RECORD, lambda rs, folder: rs.restart("off")),
    "run with GPUs": ((PinningGpus,), GPUS, lambda rs, folder: rs.run(RunRequest(IMAGE, "new", gpus=1))),
    "patch GPUs": ((PinningGpus,), GPUS, lambda rs, folder: rs.patch("more", PatchRequest(gpus=1))),
    "restart with GPUs": ((PinningGpus,), GPUS, lambda rs, folder: rs.restart("foo")),
    "run with a folder": (
        (BindingFolders,),
        FOLDERS,
        lambda rs, folder: rs.run(RunRequest(IMAGE, "new", binds=[inside(folder)])),
    ),
    "logs": (
        (ReadingLogs,),
        "this engine cannot return what a container wrote",
        lambda rs, folder: rs.logs("foo", LogsRequest()),
    ),
    "attach": (
        (Attaching,),
        "this engine cannot run programs that are given input",
        lambda rs, folder: rs.attach("foo", AttachRequest(["cat"])),
    ),
    "copy from": ((CopyingFiles,), FILES, lambda rs, folder: rs.files("foo", "/etc")),
    "copy to": ((CopyingFiles,), FILES, lambda rs, folder: rs.add_files("foo", "/etc", [])),
    "compare": (
        (ComparingDisks,),
        "this engine cannot compare disks",
        lambda rs, folder: rs.compare("foo", 1, 2),
    ),
    "images": ((ListingImages,), "this engine cannot list images", lambda rs, folder: rs.images()),
    "upgrade": (
        (RebasingDisks,),
        "this engine cannot give the disk of a container to one of another image",
        lambda rs, folder: rs.upgrade("foo", UpgradeRequest(NEWER, "mine")),
    ),
    "upgrade by images": (
        (CarryingDisks,),
        "the disk of foo-2 cannot be carried to another image from here",
        lambda rs, folder: rs.upgrade("foo", UpgradeRequest(NEWER, "mine")),
    ),
    "a volume with a size": ((MountingVolumes,), SIZES, lambda rs, folder: rs.create_volume("data", "8MB")),
}


def inside(folder: Path) -> Bind:
    (folder / "shared").mkdir(exist_ok=True)
    return Bind(str(folder / "shared"), "/shared")


@pytest.mark.parametrize("operation", REFUSED)
def test_what_needs_it_is_refused_and_changes_nothing(operation: str, tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    engine.without, message, operate = REFUSED[operation]
    before = state(engine, store)
    with pytest.raises(Unsupported) as error:
        operate(rs, tmp_path)
    assert (error.value.message, error.value.code) == (message, Code.UNSUPPORTED)
    assert state(engine, store) == before
    assert not (tmp_path / "volumes").exists()
    assert rs.reconcile() == []
    check(rs, engine, store, disks("run"), operation)


WORKS: dict[str, tuple[tuple[type, ...], Operation]] = {
    "patch stopped": ((Pausing,), lambda rs, folder: rs.restart("off")),
    "patch paused": ((RecordingDisks,), lambda rs, folder: rs.patch("frozen", PatchRequest(gpus=2))),
    "by carrying": ((RecordingDisks,), lambda rs, folder: rs.patch("foo", PatchRequest(gpus=3))),
    "by images": ((CarryingDisks,), lambda rs, folder: rs.patch("foo", PatchRequest(gpus=3))),
    "limits by a next version": (
        (LiveLimits,),
        lambda rs, folder: rs.patch("foo", PatchRequest(memory="128MB", cpus=2)),
    ),
    "delete": (NO_DISK, lambda rs, folder: rs.delete("foo")),
    "stop": ((Pausing, *NO_DISK), lambda rs, folder: rs.stop("foo")),
    "restart without GPUs": ((PinningGpus,), lambda rs, folder: rs.restart("more")),
    "run without GPUs": (
        (PinningGpus, BindingFolders),
        lambda rs, folder: rs.run(RunRequest(IMAGE, "new", ports=["80"])),
    ),
    "restart without edits": ((KeepingEdits,), lambda rs, folder: rs.restart("more")),
    "run without secrets kept apart": (
        (KeepingSecrets,),
        lambda rs, folder: rs.run(RunRequest(IMAGE, "new", env=["A=1"])),
    ),
    "run without networks": ((SeparatingNetworks,), lambda rs, folder: rs.run(RunRequest(IMAGE, "new"))),
    "a volume without a size": ((MountingVolumes,), lambda rs, folder: rs.create_volume("data")),
}


@pytest.mark.parametrize("operation", WORKS)
def test_what_does_not_need_it_works(operation: str, tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    engine.without, operate = WORKS[operation]
    operate(rs, tmp_path)
    check(rs, engine, store, disks("run"), operation)


def test_limits_alone_make_a_next_version_where_they_cannot_change_live(tmp_path: Path) -> None:
    rs = service(tmp_path, FakeEngine(without=(LiveLimits,)), MemoryStore(Faults()))
    rs.run(RunRequest(IMAGE, "foo", memory="64MB"))
    assert rs.patch("foo", PatchRequest(memory="128MB")).number == 2
    assert rs.info("foo").version.memory == 128 << 20


def test_without_pinning_there_are_no_gpus(tmp_path: Path) -> None:
    rs = service(tmp_path, FakeEngine(without=(PinningGpus,)), MemoryStore(Faults()))
    rs.check()
    assert (rs.gpus(), rs.resources().gpus) == ((), ())


def test_without_measuring_what_pruning_frees_is_not_known(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.without = (MeasuringDisks,)
    assert rs.prune("foo", 1).versions == ((1, 0),)


def test_podman_has_every_capability() -> None:
    engine = PodmanEngine("unix:///nowhere.sock")
    assert all(isinstance(engine.capability(kind), kind) for kind in capabilities.PURPOSES)
    tried = [kinds for kinds, *_ in REFUSED.values()] + [kinds for kinds, _ in WORKS.values()]
    elsewhere = {MeasuringDisks, Probing, ReachingContainers, Watching, RemovingRemains}
    assert {*elsewhere, *(kind for kinds in tried for kind in kinds)} == set(capabilities.PURPOSES)


def test_without_reports_and_remains_states_are_compared_all_the_same(tmp_path: Path) -> None:
    engine, _, rs = world(tmp_path, True)
    engine.without = (Watching, RemovingRemains)
    assert rs.changes() is None
    engine.end("foo-2", 1)
    assert rs.reconcile() == ["foo ended with code 1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a sized volume needs root")
def test_a_driver_that_cannot_shrink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, store = FakeEngine(), MemoryStore(Faults())
    rs = service(tmp_path, engine, store)
    volume = rs.create_volume("data", "16MB")
    monkeypatch.setattr(type(driver_of(volume.driver)), "shrinks", False)
    before, files = state(engine, store), sorted((tmp_path / "volumes").iterdir())
    with pytest.raises(Unsupported, match="cannot be made smaller"):
        rs.resize_volume("data", "8MB")
    assert (state(engine, store), sorted((tmp_path / "volumes").iterdir())) == (before, files)
    assert rs.resize_volume("data", "20MB").version == 2


def state(engine: FakeEngine, store: MemoryStore) -> str:
    """All that engine and store hold."""
    return repr((engine.standing, engine.stored, engine.places, store._rows))
