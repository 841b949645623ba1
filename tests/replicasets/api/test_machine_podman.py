"""The same on real podman, smaller: a service that is killed, and a podman that is, in the middle of requests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.catalogues import REPOSITORY
from tests.engine import TINY
from tests.replicasets.conftest import Podman, given
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings
from workbench.replicasets.values import State

pytestmark = pytest.mark.thorough

WHICH = st.integers(0, 1)
FAULTS = st.sampled_from([None, *((victim, at) for victim in ("service", "podman") for at in (1, 2, 3))])
LIVE = {State.RUNNING: "running", State.PAUSED: "paused", State.STOPPED: "exited"}


class Real(RuleBasedStateMachine):
    """`wizard.py serve` on podman, asked over HTTP, and beside it what each version has in its file /v."""

    podman: Podman
    folder: Path
    fired: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() or path.is_socket() else path.rmdir()
        known = given(self.podman, self.folder) | {"store": str(self.folder / "state/replicasets.db")}
        self.settings = Settings(**known)
        self.written: dict[str, dict[int, str]] = {}
        self.file = self.folder / "end"
        self.process: subprocess.Popen[str] | None = None
        self.start()
        for name in ("a", "b"):
            self.run_set(name, None, 1)

    def start(self) -> None:
        """The service is started, again perhaps; the one before it is gone without a word."""
        self.kill()
        s = self.settings
        command = [
            sys.executable,
            "-m",
            "tests.replicasets.api.dying",
            str(self.file),
            "serve",
            "--port",
            "0",
            "--no-preflight",
        ]
        command += ["--state", str(self.folder / "state"), "--engine", s.engine, "--gpu-kind", s.gpu_kind]
        command += ["--ports", f"{s.first_port}-{s.last_port}"]
        env = {**os.environ, **self.podman.engine.env}
        self.process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=REPOSITORY
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        token = (self.folder / "state/operate.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=120)
        self.rs = ReplicaSets(s)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.http.close()
            self.rs.close()
            self.process = None

    def send(self, fault: tuple[str, int] | None, method: str, path: str, body: object = None) -> int:
        """Ask; return the status that says whether it was done, 0 when that is open."""
        if fault is not None:
            assert self.podman.process is not None
            victim = self.podman.process.pid if fault[0] == "podman" else 0
            self.file.write_text(f"{victim} {fault[1]}")
        try:
            response = self.http.request(method, path, json=body)
            status = response.status_code
        except httpx.TransportError:
            status = 0
        fired = fault is not None and not self.file.exists()
        Real.fired[fault[0] if fault and fired else ""] += 1
        self.file.unlink(missing_ok=True)
        if not fired:
            assert 0 < status < 500, response.text
            return status
        if fault == ("podman", fault[1] if fault else 0):
            assert self.podman.process is not None and self.podman.process.wait() == -signal.SIGKILL
            self.podman.start()
            # The service goes on: whatever is asked of the set next ends what was broken off.
            for name in ("a", "b"):
                self.send(None, "PATCH", f"/replicaSet/{name}/rollback", {"version": self.current(name)})
            return 0 if status == 503 else status
        assert status == 0 and self.process is not None and self.process.wait() == -signal.SIGKILL
        self.start()
        return 0

    def existing(self, which: int) -> str:
        return sorted(self.written)[which % len(self.written)]

    def current(self, name: str) -> int:
        return next((each.current for each in self.rs.sets() if each.name == name), 0)

    def changing(self, fault: tuple[str, int] | None, name: str, path: str, body: object, origin: int) -> None:
        before = self.current(name)
        status = self.send(fault, "PATCH", f"/replicaSet/{name}{path}", body)
        made = self.current(name) == before + 1
        assert made or self.current(name) == before
        assert not status or made == (status == 200), status
        if made:
            self.written[name][before + 1] = self.written[name][origin or before]

    @precondition(lambda self: len(self.written) < 2)
    @rule(fault=FAULTS, gpus=st.integers(0, 3))
    def run_it(self, fault: tuple[str, int] | None, gpus: int) -> None:
        self.run_set(min({"a", "b"} - self.written.keys()), fault, gpus)

    def run_set(self, name: str, fault: tuple[str, int] | None, gpus: int) -> None:
        before = self.current(name)
        body = {"imageName": TINY, "replicaSetName": name, "gpuCount": gpus, "containerPorts": ["80"]}
        self.send(fault, "POST", "/replicaSet", body)
        if not before and self.current(name):
            self.written[name] = {1: ""}
            self.write_text(name, "first")

    @precondition(lambda self: self.written)
    @rule(which=WHICH, text=st.text("abc", min_size=1, max_size=3))
    def write(self, which: int, text: str) -> None:
        name = self.existing(which)
        self.write_text(name, text)

    def write_text(self, name: str, text: str) -> None:
        body = {"cmd": ["sh", "-c", f"echo {text} >/v"]}
        if self.send(None, "POST", f"/replicaSet/{name}/execute", body) == 200:
            self.written[name][self.current(name)] = f"{text}\n"

    @precondition(lambda self: self.written)
    @rule(which=WHICH, fault=FAULTS, gpus=st.integers(0, 4))
    def patch(self, which: int, fault: tuple[str, int] | None, gpus: int) -> None:
        name = self.existing(which)
        self.changing(fault, name, "", {"gpuPatch": {"gpuCount": gpus}}, 0)

    @precondition(lambda self: self.written)
    @rule(which=WHICH, fault=FAULTS, back=st.integers(1, 2))
    def rollback(self, which: int, fault: tuple[str, int] | None, back: int) -> None:
        name = self.existing(which)
        target = max(self.current(name) - back, 1)
        self.changing(fault, name, "/rollback", {"version": target}, target)

    @precondition(lambda self: self.written)
    @rule(which=WHICH, fault=FAULTS, way=st.sampled_from(["stop", "pause", "continue"]))
    def turn(self, which: int, fault: tuple[str, int] | None, way: str) -> None:
        name = self.existing(which)
        self.send(fault, "PATCH", f"/replicaSet/{name}/{way}")

    @precondition(lambda self: self.written)
    @rule(which=WHICH, fault=FAULTS)
    def delete(self, which: int, fault: tuple[str, int] | None) -> None:
        name = self.existing(which)
        self.send(fault, "DELETE", f"/replicaSet/{name}")
        if not self.current(name):
            self.written.pop(name, None)

    @rule()
    def restart_service(self) -> None:
        self.start()

    @invariant()
    def nothing_is_lost(self) -> None:
        if getattr(self, "process", None) is None:
            return
        engine = self.podman.engine
        reserved: set[str] = set()
        kept: set[str] = set()
        histories = {each.name: self.rs.history(each.name) for each in self.rs.sets()}
        containers = [version.container for versions in histories.values() for version in versions]
        # One call for all of them: podman takes a tenth of a second to start.
        show = ("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", *containers)
        uppers = dict(zip(containers, engine(*show).splitlines() if containers else [], strict=True))
        for each in self.rs.sets():
            versions = histories[each.name]
            assert [v.number for v in versions] == list(range(each.current, 0, -1))
            for version in versions:
                file = Path(uppers[version.container], "v")
                assert (file.read_text() if file.exists() else "") == self.written[each.name][version.number]
                kept.add(version.container)
            assert self.rs.info(each.name).live == LIVE[each.state]
            gpus = set(versions[0].gpus) if each.state is not State.STOPPED else set()
            assert not gpus & reserved
            reserved |= gpus
        assert {each.name for each in self.rs.sets()} == set(self.written)
        assert set(engine("ps", "--all", "--format", "{{.Names}}").split()) == kept
        claims = self.rs.resources().claims
        assert {claim.name for claim in claims if claim.kind == "gpu"} == reserved
        assert {claim.set for claim in claims} == set(self.written)
        assert sum(claim.kind == "port" for claim in claims) == len(self.written)

    def teardown(self) -> None:
        if getattr(self, "process", None) is not None:
            for name in list(self.written):
                assert self.send(None, "DELETE", f"/replicaSet/{name}") == 200
            self.kill()


def test_nothing_is_lost_on_real_podman(podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()

    class Here(Real):
        pass

    Here.podman, Here.folder = podman, tmp_path / "room"
    run: Any = run_state_machine_as_test
    run(
        Here,
        settings=settings(
            max_examples=4,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert min(Real.fired["service"], Real.fired["podman"]) >= 2, Real.fired
