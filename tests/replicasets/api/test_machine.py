"""Any sequence of requests with faults and restarts between and in them: no answer lies, nothing is lost or leaks."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import hypothesis.strategies as st
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.engine import SHORT
from tests.replicasets import truth
from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, Disk, FakeEngine, MemoryStore, service
from workbench.replicasets.api.app import make_app
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.serving import listen
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.values import Role, State

NAMES = st.sampled_from(["a", "b", "c"])
VOLUMES = st.sampled_from(["v", "w"])
FAULTS = st.one_of(st.just(("none", -1)), st.tuples(st.sampled_from(["crash", "error", "gone"]), st.integers(0, 40)))
BEGIN = {"/etc/passwd": "root"}


class Standing:
    """A server on a real port; which application answers is changed by a restart of the service."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.listening = listen("127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        config = uvicorn.Config(self, log_level="critical", ws="none", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.listening.close()


class Service(RuleBasedStateMachine):
    """The service on fakes, asked over HTTP, and beside it what each version must have on its disk."""

    @initialize(carries=st.booleans())
    def begin(self, carries: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="workbench-machine-", dir=SHORT))
        self.faults = Faults()
        self.engine, self.store = FakeEngine(self.faults, carries=carries), MemoryStore(self.faults)
        self.disks: dict[str, dict[int, Disk]] = {}
        self.standing = Standing()
        self.tokens = Tokens(str(self.folder / "state"))
        self.tokens.begin()
        token = self.tokens.add("op", Role.OPERATE)
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{self.standing.address}/api/v1", headers=headers, timeout=60)
        self.restart_service()

    @rule()
    def restart_service(self) -> None:
        """The process is started, and finds what there is."""
        self.rs = service(self.folder, self.engine, self.store, first_port=20000, last_port=20005)
        self.standing.app = make_app(self.rs, self.tokens, Audit(str(self.folder / "audit.log")))
        self.rs.reconcile()

    def send(self, method: str, path: str, body: object = None, fault: tuple[str, int] = ("none", -1)) -> int:
        """Ask, with the fault on the way; return the status that says whether it was done, 0 when that is open."""
        self.faults.kind, self.faults.at, self.faults.count, self.faults.fired = *fault, 0, ""
        response = self.http.request(method, path, json=body)
        self.faults.at = -1
        if self.faults.fired and fault[0] == "crash":
            # Nobody answers for a process that is gone: what the server says then is no word of the service.
            self.restart_service()
            return 0
        said = response.json()
        assert (said["code"] == 200) == (response.status_code == 200)
        assert response.status_code < 500 or self.faults.fired, said
        # What the service itself does every minute.
        self.rs.reconcile()
        return 0 if response.status_code == 503 else response.status_code

    def current(self, name: str) -> int:
        return next((each.current for each in self.rs.sets() if each.name == name), 0)

    def changing(
        self, name: str, path: str, body: object, origin: int, fault: tuple[str, int], new: bool = True
    ) -> None:
        """Ask for what makes a next version, and hold the answer to what became of it."""
        before = self.current(name)
        status = self.send("PATCH", f"/replicaSet/{name}{path}", body, fault)
        after = self.current(name)
        made = after == before + 1
        assert made or after == before
        if status and new:
            assert made == (status == 200), (status, before, after)
        if made:
            self.disks[name][after] = dict(self.disks[name][origin or before])

    @rule(
        name=NAMES,
        fault=FAULTS,
        gpus=st.integers(0, 5),
        ports=st.integers(0, 3),
        volume=st.none() | VOLUMES,
    )
    def run_it(self, name: str, fault: tuple[str, int], gpus: int, ports: int, volume: str | None) -> None:
        before = self.current(name)
        binds = [{"src": volume, "dest": "/data"}] if volume else []
        body = {"imageName": IMAGE, "replicaSetName": name, "gpuCount": gpus, "binds": binds, "memory": "64MB"}
        status = self.send(
            "POST", "/replicaSet", {**body, "containerPorts": [str(80 + n) for n in range(ports)]}, fault
        )
        if not before and self.current(name):
            self.disks[name] = {1: dict(BEGIN)}
        if status:
            assert (status == 200) == (self.current(name) == 1 and not before)

    @rule(name=NAMES, key=st.sampled_from(["/x", "/y"]), text=st.text("abc", max_size=3))
    def write(self, name: str, key: str, text: str) -> None:
        found = next((each for each in self.rs.sets() if each.name == name), None)
        if found is not None and found.state is State.RUNNING:
            self.engine.write(f"{name}-{found.current}", key, text)
            self.disks[name][found.current][key] = text

    @rule(name=NAMES, fault=FAULTS, gpus=st.none() | st.integers(0, 5), ports=st.none() | st.integers(0, 3))
    def patch(self, name: str, fault: tuple[str, int], gpus: int | None, ports: int | None) -> None:
        body: dict[str, Any] = {}
        if gpus is not None:
            body["gpuPatch"] = {"gpuCount": gpus}
        if ports is not None:
            body["portPatch"] = {"containerPorts": [str(80 + n) for n in range(ports)]}
        self.changing(name, "", body, 0, fault)

    @rule(name=NAMES, fault=FAULTS, memory=st.sampled_from(["64MB", "128MB", ""]))
    def limit(self, name: str, fault: tuple[str, int], memory: str) -> None:
        self.changing(name, "", {"memoryPatch": {"memory": memory}}, 0, fault, new=False)

    @rule(name=NAMES, fault=FAULTS, back=st.integers(1, 4))
    def rollback(self, name: str, fault: tuple[str, int], back: int) -> None:
        target = max(self.current(name) - back, 1)
        self.changing(name, "/rollback", {"version": target}, target, fault)

    @rule(name=NAMES, fault=FAULTS)
    def restart(self, name: str, fault: tuple[str, int]) -> None:
        self.changing(name, "/restart", None, 0, fault)

    @rule(name=NAMES, fault=FAULTS, way=st.sampled_from(["stop", "pause", "continue"]))
    def turn(self, name: str, fault: tuple[str, int], way: str) -> None:
        wanted = {"stop": State.STOPPED, "pause": State.PAUSED, "continue": State.RUNNING}[way]
        if self.send("PATCH", f"/replicaSet/{name}/{way}", None, fault) == 200:
            assert self.rs.record(name)[0].state is wanted

    @rule(name=NAMES, fault=FAULTS)
    def delete(self, name: str, fault: tuple[str, int]) -> None:
        before = self.current(name)
        status = self.send("DELETE", f"/replicaSet/{name}", None, fault)
        if status:
            assert (status == 200) == bool(before and not self.current(name))
        if not self.current(name):
            self.disks.pop(name, None)

    @rule(name=VOLUMES, fault=FAULTS, make=st.booleans())
    def volume(self, name: str, fault: tuple[str, int], make: bool) -> None:
        before = {each.name for each in self.rs.volumes()}
        bound = any(bind.src == name for each in self.rs.sets() for v in self.rs.history(each.name) for bind in v.binds)
        if make:
            status = self.send("POST", "/volumes", {"name": name}, fault)
        else:
            status = self.send("DELETE", f"/volumes/{name}", None, fault)
        after = {each.name for each in self.rs.volumes()}
        assert after ^ before <= {name}
        assert name in after or not bound or name not in before, "a volume that a set has was deleted"
        if status:
            assert (status == 200) == (after != before)

    @rule(name=NAMES, gpus=st.lists(st.integers(0, 3), min_size=2, max_size=4))
    def at_once(self, name: str, gpus: list[int]) -> None:
        """Several clients patch one set: each is told the version that it made, in their order."""
        before = self.current(name)

        def one(count: int) -> tuple[float, float, int, int]:
            began = time.monotonic()
            response = self.http.patch(f"/replicaSet/{name}", json={"gpuPatch": {"gpuCount": count}})
            assert response.status_code in ((200, 409) if before else (404,)), response.text
            recorded = response.json()["data"]["containerName"] if response.status_code == 200 else ""
            return began, time.monotonic(), count, int(recorded.rpartition("-")[2] or 0)

        with ThreadPoolExecutor(len(gpus)) as pool:
            done = [each for each in pool.map(one, gpus) if each[3]]
        made = {number: count for _, _, count, number in done}
        assert sorted(made) == list(range(before + 1, self.current(name) + 1)) and len(made) == len(done)
        if made:
            recorded = {version.number: len(version.gpus) for version in self.rs.history(name)}
            assert made == {number: recorded[number] for number in made}
        for _, ended, _, first in done:
            for began, _, _, second in done:
                assert began < ended or first < second, "what was answered first came first"
        for number in made:
            self.disks[name][number] = dict(self.disks[name][before])

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "rs"):
            return
        assert set(self.disks) == {each.name for each in self.rs.sets()}
        truth.check(self.rs, self.engine, self.store, self.disks, "the machine")
        volumes = {f"workbench-{each.name}" for each in self.rs.volumes()}
        versions = [version for each in self.rs.sets() for version in self.rs.history(each.name)]
        limited = {f"workbench-limits-{each.id}-{each.number}": each for each in versions}
        assert volumes <= set(self.engine.places) <= volumes | set(limited)
        for place, version in limited.items():
            # What its container does not say of it is written down beside it, and nothing else is.
            if (found := self.engine.standing.get(version.container)) is not None:
                made = (found.spec.cpus, found.spec.memory)
                assert (place in self.engine.places) == (made != (version.cpus, version.memory)), version
        used = self.http.get("/resources/gpus").json()["data"]["gpus"]
        assert {gpu for gpu in used if used[gpu]} == set(self.rs.resources().of("gpu"))

    def teardown(self) -> None:
        if hasattr(self, "rs"):
            self.http.close()
            self.standing.close()
            shutil.rmtree(self.folder)


Service.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestService = Service.TestCase
