"""Any sequence of operations with faults thrown in: nothing is lost, leaked or held twice after any of them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.engine import SHORT
from tests.replicasets import truth
from tests.replicasets.call_faults import Crash, Faults
from tests.replicasets.fakes import IMAGE, Disk, FakeEngine, MemoryStore, service
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.requests import PatchRequest, RunRequest
from workbench.replicasets.values import State

NAMES = st.sampled_from(["a", "b", "c"])
FAULTS = st.one_of(st.just(("none", -1)), st.tuples(st.sampled_from(["crash", "error", "gone"]), st.integers(0, 40)))


class Rooms(RuleBasedStateMachine):
    """A room on fakes, and beside it what each version must have on its disk."""

    @initialize(carries=st.booleans())
    def begin(self, carries: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="workbench-machine-", dir=SHORT))
        self.faults = Faults()
        self.engine, self.store = FakeEngine(self.faults, carries=carries), MemoryStore(self.faults)
        self.disks: dict[str, dict[int, Disk]] = {}
        self.pruned: dict[str, set[int]] = {}
        self.anew()

    def anew(self) -> None:
        """The process is started, and finds what there is."""
        self.rs = service(self.folder, self.engine, self.store, first_port=20000, last_port=20005)
        self.rs.reconcile()

    def doing(self, fault: tuple[str, int], name: str, operation: str, *words: object, **options: object) -> None:
        self.faults.kind, self.faults.at, self.faults.count = *fault, 0
        try:
            getattr(self.rs, operation)(name, *words, **options)
        except (Crash, ReplicaSetError):
            pass
        self.faults.at = -1
        self.anew()

    def current(self, name: str) -> int:
        return next((each.current for each in self.rs.sets() if each.name == name), 0)

    @rule(name=NAMES, fault=FAULTS, gpus=st.integers(0, 5), ports=st.integers(0, 3))
    def run_it(self, name: str, fault: tuple[str, int], gpus: int, ports: int) -> None:
        before = self.current(name)
        self.faults.kind, self.faults.at, self.faults.count = *fault, 0
        try:
            self.rs.run(
                RunRequest(IMAGE, name, gpus=gpus, ports=[str(80 + n) for n in range(ports)], cpus=1, memory="64MB")
            )
        except (Crash, ReplicaSetError):
            pass
        self.faults.at = -1
        self.anew()
        if not before and self.current(name):
            self.disks[name] = {1: {"/etc/passwd": "root"}}

    @rule(name=NAMES, key=st.sampled_from(["/x", "/y"]), text=st.text("abc", max_size=3))
    def write(self, name: str, key: str, text: str) -> None:
        found = next((each for each in self.rs.sets() if each.name == name), None)
        if found is not None and found.state is State.RUNNING:
            self.engine.write(f"{name}-{found.current}", key, text)
            self.disks[name][found.current][key] = text

    @rule(name=NAMES, fault=FAULTS, gpus=st.none() | st.integers(0, 5), ports=st.none() | st.integers(0, 3))
    def patch(self, name: str, fault: tuple[str, int], gpus: int | None, ports: int | None) -> None:
        before = self.current(name)
        request = PatchRequest(gpus=gpus, ports=None if ports is None else tuple(str(80 + n) for n in range(ports)))
        self.doing(fault, name, "patch", request)
        self.follows(name, before, before)

    @rule(name=NAMES, fault=FAULTS, back=st.integers(1, 4))
    def rollback(self, name: str, fault: tuple[str, int], back: int) -> None:
        before = self.current(name)
        self.doing(fault, name, "rollback", max(before - back, 1))
        self.follows(name, before, max(before - back, 1))

    @rule(name=NAMES, fault=FAULTS)
    def restart(self, name: str, fault: tuple[str, int]) -> None:
        before = self.current(name)
        self.doing(fault, name, "restart")
        self.follows(name, before, before)

    @rule(name=NAMES, fault=FAULTS, operation=st.sampled_from(["stop", "pause", "continue_"]))
    def turn(self, name: str, fault: tuple[str, int], operation: str) -> None:
        self.doing(fault, name, operation)

    @rule(name=NAMES, fault=FAULTS, memory=st.sampled_from(["64MB", "128MB", ""]))
    def limit(self, name: str, fault: tuple[str, int], memory: str) -> None:
        before = self.current(name)
        self.doing(fault, name, "patch", PatchRequest(memory=memory))
        self.follows(name, before, before)

    @rule(name=NAMES, fault=FAULTS, keep=st.integers(1, 3))
    def prune(self, name: str, fault: tuple[str, int], keep: int) -> None:
        self.doing(fault, name, "prune", keep)
        if current := self.current(name):
            existing = {version.number for version in self.rs.history(name)}
            gone = set(range(1, current + 1)) - existing
            assert gone >= self.pruned.get(name, set()) and not gone & set(range(current - keep + 1, current + 1))
            self.pruned[name] = gone

    @rule(name=NAMES, fault=FAULTS)
    def delete(self, name: str, fault: tuple[str, int]) -> None:
        self.doing(fault, name, "delete")
        if not self.current(name):
            self.disks.pop(name, None)
            self.pruned.pop(name, None)

    def follows(self, name: str, before: int, origin: int) -> None:
        """A version that came about has the disk of its origin."""
        if self.current(name) == before + 1 and before:
            self.disks[name][before + 1] = dict(self.disks[name][origin])

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "rs"):
            assert set(self.disks) == {each.name for each in self.rs.sets()}
            truth.check(self.rs, self.engine, self.store, self.disks, "the machine", self.pruned)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


Rooms.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestRooms = Rooms.TestCase
