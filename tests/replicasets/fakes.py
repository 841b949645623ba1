"""An engine and a store in memory, with faults on demand before and after every single call."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.replicasets.call_faults import Faults, faulty
from tests.replicasets.fake_files import FakeFiles
from tests.replicasets.fake_programs import FakeAttached, FakePrograms
from tests.replicasets.gpus import cdi_spec
from workbench.replicasets.engines.cdi import inventory
from workbench.replicasets.engines.disk_capabilities import Overlaps, PathOverlap
from workbench.replicasets.engines.protocol import Container, ContainerSpec, EngineImage, EngineVolume, RunningProgram
from workbench.replicasets.errors import EngineError, StoreError
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings
from workbench.replicasets.stores.protocol import Changes, StateEntry, StateStore
from workbench.replicasets.values import Gpu

IMAGE, NEWER = "localhost/tiny:1", "localhost/tiny:2"
MADE = "2026-11-29T12:00:00.123456789Z"
KIND = "fake.test/gpu"
Disk = dict[str, str]
C = TypeVar("C")


@dataclass
class FakeContainer:
    """A container of the fake engine."""

    id: str
    spec: ContainerSpec
    image: str
    disk: Disk
    state: str = "created"
    started: bool = False
    exit_code: int = 0
    limits: tuple[int, int] = (0, 0)
    lines: tuple[str, ...] = ()
    parting: Disk = field(default_factory=dict)
    edits: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Program:
    """What ran: it says hello and ends with 0."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        yield 1, b"hello\n"

    def exit_code(self) -> int:
        return 0

    def kill(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class FakeEngine(FakeFiles, FakePrograms):
    """See Engine. It holds its containers to what a real one would: GPUs and ports of one living container only.

    It has every capability but those of `without`; its GPUs are those of the CDI specs in the folders `specs`.
    """

    faults: Faults = field(default_factory=Faults)
    carries: bool = True
    without: tuple[type, ...] = ()
    specs: tuple[str, ...] = ()
    standing: dict[str, FakeContainer] = field(default_factory=dict)
    stored: dict[str, tuple[str, Disk, dict[str, str], int]] = field(default_factory=dict)
    places: dict[str, EngineVolume] = field(default_factory=dict)
    half_made: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    programs: list[FakeAttached] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    bridges: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    ids: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.stored[IMAGE] = ("image-0", {"/etc/passwd": "root"}, {}, 1)
        self.stored[NEWER] = ("newer-0", {"/etc/passwd": "root", "/etc/release": "2", "/v": "image"}, {}, 1)

    def capability(self, kind: type[C]) -> C | None:
        return self if isinstance(self, kind) and kind not in self.without else None

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass

    def logs_command(self, name: str) -> str:
        return f"fake logs {name}"

    def pull_command(self, image: str) -> str:
        return f"fake pull {image}"

    def gpus(self) -> tuple[Gpu, ...]:
        return inventory(KIND, self.specs)

    @faulty
    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        self.bridges.setdefault(name, dict(labels))

    @faulty
    def separate_networks(self) -> None:
        pass

    def networks(self, label: str) -> list[str]:
        return [name for name, labels in self.bridges.items() if _has(labels, label)]

    @faulty
    def remove_network(self, name: str) -> bool:
        if any(each.spec.network == name for each in self.standing.values()):
            return False
        self.bridges.pop(name, None)
        return True

    @faulty
    def attach_folder(self, name: str, root: str, path: str) -> str:
        if Path(path).resolve() != Path(path) or not Path(path).is_dir():
            return ""
        self.folders[name] = path
        return path

    @faulty
    def detach_folder(self, name: str) -> None:
        self.folders.pop(name, None)

    def attached_folders(self) -> set[str]:
        return set(self.folders)

    @faulty
    def create(self, spec: ContainerSpec) -> str:
        with self.lock:
            if spec.name in self.standing:
                raise EngineError(f"the name {spec.name} is in use")
            found = self._image(spec.image)
            if found is None:
                raise EngineError("no such image", 404)
            self.half_made = [name for name in self.half_made if name != spec.name]
            if spec.secrets:
                self.secrets[spec.name] = MADE
                self.faults.point("its secrets", "after", self.refused, self.gone)
            self.half_made.append(spec.name)
            self.faults.point("half of it", "after", self.refused, self.gone)
            self.half_made.remove(spec.name)
            made = FakeContainer(f"c{next(self.ids)}", spec, found[0], dict(found[1]))
            self.standing[spec.name] = made
            return made.id

    @faulty
    def start(self, name: str) -> None:
        with self.lock:
            found = self._existing(name)
            if found.state in ("running", "paused"):
                return
            for other in self.standing.values():
                if other is not found and other.state in ("running", "paused"):
                    assert not set(found.spec.gpus) & set(other.spec.gpus), "two sets on one GPU"
                    ports = {port.host for port in other.spec.ports}
                    if ports & {port.host for port in found.spec.ports}:
                        raise EngineError("cannot listen on the TCP port")
            found.started = True
            found.limits = (found.spec.cpus, found.spec.memory)
            found.state, found.exit_code = ("exited", 1) if found.spec.command == ("false",) else ("running", 0)

    @faulty
    def edited_files(self, name: str) -> dict[str, str | None]:
        return dict(self.standing[name].edits) if name in self.standing else {}

    def start_edited(self, name: str, files: Mapping[str, str]) -> None:
        self.start(name)
        self._existing(name).edits = dict(files)

    @faulty
    def pause(self, name: str) -> None:
        self._turn(name, "running", "paused")

    @faulty
    def unpause(self, name: str) -> None:
        self._turn(name, "paused", "running")

    @faulty
    def stop(self, name: str, seconds: int) -> None:
        with self.lock:
            found = self._existing(name)
            if found.state in ("running", "paused"):
                found.state = "exited"
                # What a program writes when it is asked to end, if it is given the time.
                found.disk |= found.parting if seconds else {}

    @faulty
    def remove(self, name: str) -> None:
        with self.lock:
            for each in [key for key, value in self.standing.items() if name in (key, value.id)]:
                self.secrets.pop(each, None)
                del self.standing[each]

    @faulty
    def stray_secrets(self) -> dict[str, str]:
        return {name: made for name, made in self.secrets.items() if name not in self.standing}

    @faulty
    def remove_secrets(self, container: str) -> None:
        self.secrets.pop(container, None)

    @faulty
    def set_limits(self, name: str, cpus: int, memory: int) -> None:
        with self.lock:
            self._existing(name).limits = (cpus, memory)

    @faulty
    def container(self, name: str) -> Container | None:
        with self.lock:
            for key, each in self.standing.items():
                if name in (key, each.id):
                    return self._shown(each)
            return None

    @faulty
    def containers(self, label: str) -> list[Container]:
        with self.lock:
            return [self._shown(each) for each in self.standing.values() if _has(each.spec.labels, label)]

    @faulty
    def commit(self, name: str, image: str, *, squash: bool = False, labels: Mapping[str, str] | None = None) -> str:
        with self.lock:
            found = self._existing(name)
            assert found.state != "running", "the disk of running processes is no disk"
            depth = next(each[3] for each in self.stored.values() if each[0] == found.image)
            known = {**found.spec.labels, **(labels or {})}
            made = (f"image-{next(self.ids)}", dict(found.disk), known, 1 if squash else depth + 1)
            self.stored[image] = made
            return made[0]

    @faulty
    def last_lines(self, name: str, count: int) -> list[str]:
        return list(self._existing(name).lines[-count:])

    def changes(self) -> Iterator[str]:
        yield ""

    @faulty
    def remains(self) -> list[tuple[str, str]]:
        return [(f"remains of {name}", name) for name in self.half_made]

    @faulty
    def remove_remains(self, id_: str) -> None:
        self.half_made.remove(id_.removeprefix("remains of "))

    def can_carry(self, source: str) -> bool:
        return self.carries

    @faulty
    def carry(self, source: str, target: str) -> None:
        with self.lock:
            old, new = self._existing(source), self._existing(target)
            assert old.state != "running" and new.state == "created" and old.image == new.image
            new.disk = dict(old.disk)

    @faulty
    def overlaps(self, source: str, image: str) -> Overlaps:
        with self.lock:
            old, mine, new = self._three(source, image)
            both = [path for path in sorted(old | mine | new) if len({each.get(path) for each in (old, mine, new)}) > 2]
            return Overlaps(tuple(PathOverlap(path, "changed", "changed") for path in both))

    @faulty
    def rebase(self, source: str, target: str, keep: str) -> None:
        with self.lock:
            state, into = self._existing(source).state, self._existing(target)
            assert state != "running" and into.state == "created"
            old, mine, new = self._three(source, into.image)
            into.disk = {}
            for path in old | mine | new:
                was, own, now = (each.get(path) for each in (old, mine, new))
                if not keep and len({was, own, now}) > 2:
                    raise EngineError("the image and the set both changed something meanwhile", 409)
                text = now if own == was or (keep == "image" and now != was) else own
                if text is not None:
                    into.disk[path] = text

    def _three(self, source: str, image: str) -> tuple[Disk, Disk, Disk]:
        """The disks of a container's image, of it, and of the next image."""
        found = self._existing(source)
        old, new = self._image(found.image), self._image(image)
        assert old is not None and new is not None
        return old[1], found.disk, new[1]

    @faulty
    def container_size(self, name: str) -> int:
        return sum(len(text) for text in self._existing(name).disk.values())

    def recorded_size(self, name: str) -> int:
        return sum(len(text) for text in self._existing(name).disk.values())

    def free_bytes(self) -> int:
        return 1 << 40

    @faulty
    def image_size(self, name: str) -> int:
        return sum(len(text) for text in self.stored[name][1].values()) if name in self.stored else 0

    @faulty
    def image(self, name: str) -> EngineImage | None:
        with self.lock:
            for key, (id_, _, labels, depth) in self.stored.items():
                if name in (key, id_):
                    return EngineImage(id_, (key,), labels, depth)
            return None

    def abandoned_images(self) -> list[str]:
        return []

    @faulty
    def images(self, label: str) -> list[EngineImage]:
        with self.lock:
            return [
                EngineImage(each[0], (key,), each[2], each[3])
                for key, each in self.stored.items()
                if not label or _has(each[2], label)
            ]

    @faulty
    def remove_image(self, name: str) -> None:
        with self.lock:
            found = self.stored.get(name)
            if found is not None and any(each.image == found[0] for each in self.standing.values()):
                raise EngineError(f"{name} is in use", 409)
            self.stored.pop(name, None)

    def execute(self, name: str, command: tuple[str, ...], workdir: str) -> RunningProgram:
        self._existing(name)
        return Program()

    @faulty
    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self.places[name] = EngineVolume(name, dict(labels))

    @faulty
    def create_mounted_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        self.places[name] = EngineVolume(name, dict(labels))

    @faulty
    def volume(self, name: str) -> EngineVolume | None:
        return self.places.get(name)

    @faulty
    def volumes(self, label: str) -> list[EngineVolume]:
        return [each for each in self.places.values() if _has(each.labels, label)]

    @faulty
    def remove_volume(self, name: str) -> None:
        self.places.pop(name, None)

    @property
    def probe_command(self) -> str:
        return "/probe"

    def make_probe(self, image: str, labels: Mapping[str, str]) -> bool:
        self.stored[image] = (image, {}, dict(labels), 1)
        return True

    def shares_cgroup(self, name: str) -> bool:
        return False

    # What tests use beside the protocol.

    def write(self, name: str, path: str, text: str) -> None:
        found = self._existing(name)
        assert found.state == "running"
        found.disk[path] = text

    def end(self, name: str, code: int, *lines: str) -> None:
        """The main program ends by itself, or is killed."""
        found = self._existing(name)
        found.state, found.exit_code, found.limits, found.lines = "exited", code, (0, 0), lines

    def disk(self, name: str) -> Disk:
        return dict(self._existing(name).disk)

    def _image(self, name: str) -> tuple[str, Disk, dict[str, str], int] | None:
        return next((each for key, each in self.stored.items() if name in (key, each[0])), None)

    def _existing(self, name: str) -> FakeContainer:
        if name not in self.standing:
            raise EngineError(f"no container {name}", 404)
        return self.standing[name]

    def _turn(self, name: str, before: str, after: str) -> None:
        with self.lock:
            found = self._existing(name)
            if found.state not in (before, after):
                raise EngineError(f"{name} is {found.state}")
            found.state = after

    def _shown(self, each: FakeContainer) -> Container:
        return Container(
            each.id, each.spec.name, each.state, each.image, each.spec.labels, each.exit_code, each.started
        )


class MemoryStore:
    """See StateStore: a dictionary, with the faults of the engine's kind."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._rows: dict[str, StateEntry] = {}
        self._revision = 0
        self._lock = threading.Lock()

    def refused(self) -> Exception:
        return StoreError("the fake store is full")

    def gone(self) -> Exception:
        return StoreError("the fake store is gone")

    def get(self, key: str) -> StateEntry | None:
        return self._rows.get(key)

    def list(self, prefix: str, *, start: str = "", before: str = "") -> list[tuple[str, StateEntry]]:
        with self._lock:
            found = sorted((key, entry) for key, entry in self._rows.items() if key.startswith(prefix))
        return [(key, entry) for key, entry in found if key >= start and (not before or key < before)]

    def get_many(self, keys: Sequence[str]) -> dict[str, StateEntry]:
        return {key: entry for key in keys if (entry := self.get(key)) is not None}

    def revision(self) -> str:
        return str(self._revision)

    @faulty
    def commit(self, changes: Changes) -> bool:
        with self._lock:
            for key, revision in changes.checks.items():
                if (self._rows[key].revision if key in self._rows else 0) != revision:
                    return False
            self._revision += 1
            for key in [k for k in self._rows if k in changes.deletes or k.startswith(tuple(changes.drops))]:
                del self._rows[key]
            self._rows |= {key: StateEntry(value, self._revision) for key, value in changes.puts.items()}
            return True

    def close(self) -> None:
        pass


def _has(labels: Mapping[str, str], label: str) -> bool:
    name, equals, value = label.partition("=")
    return name in labels and (not equals or labels[name] == value)


def settings(folder: Path, **more: Any) -> Settings:  # noqa: ANN401
    """Settings of a machine with 8 GPUs whose files are below `folder`."""
    if not (folder / "cdi").exists():
        cdi_spec(folder / "cdi", KIND, 8)
    given: dict[str, Any] = {
        "store": str(folder / "store.db"),
        "roots": (str(folder),),
        "gpu_kind": KIND,
        "cdi": (str(folder / "cdi"),),
        "volumes": str(folder / "volumes"),
        "mounts": str(folder / "mounts"),
        "cpus": 8000,
        "memory": 8 << 30,
        "stop_seconds": 0,
        "wait_seconds": 20.0,
        "watch_seconds": 0.0,
        "backoff_seconds": 0.0,
        "first_port": 20000,
        "last_port": 29999,
    }
    return Settings(**{**given, **more})


def service(folder: Path, engine: FakeEngine, store: StateStore, **more: Any) -> ReplicaSets:  # noqa: ANN401
    """The room on fakes."""
    given = settings(folder, **more)
    engine.specs = given.cdi
    return ReplicaSets(given, engine=engine, store=store)
