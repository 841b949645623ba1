"""podman's service killed at each step of each operation over HTTP, and while it is in the middle of answering."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.catalogues import REPOSITORY
from tests.engine import TINY, need_root
from tests.replicasets.conftest import Podman, given
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings

pytestmark = pytest.mark.thorough

# Ends only when it is let go, and says when it was asked to.
PATIENT = "trap 'touch /shared/asked; until [ -e /shared/go ]; do sleep 0.1; done; exit 0' TERM; touch /shared/ready;"
PATIENT += "while :; do sleep 0.1; done"


@dataclass
class Dying:
    """A service whose podman can be killed after so many calls, and what the truth is."""

    http: httpx.Client
    podman: Podman
    file: Path
    rs: ReplicaSets

    def __call__(self, method: str, path: str, body: object = None) -> int:
        return self.http.request(method, f"/api/v1{path}", json=body).status_code

    def killed(self, at: int, method: str, path: str, body: object = None) -> bool:
        """Ask, with podman killed after its `at`-th change; return whether there were so many."""
        assert self.podman.process is not None
        self.file.write_text(f"{self.podman.process.pid} {at}")
        status = self(method, path, body)
        if self.file.exists():
            self.file.unlink()
            assert status == 200
            return False
        # Done, or a clear word that podman is away; never a bug of ours.
        assert status in (200, 503), status
        assert self.podman.process.wait() == -signal.SIGKILL
        self.podman.start()
        return True

    def check(self, text: str) -> None:
        """Nothing lost, leaked or held twice; the set foo has that text on its disk."""
        # Refused, once what was broken off is settled: it is at that version already.
        current = {each.name: each.current for each in self.rs.sets()}
        for name in ("foo", "new"):
            assert self("PATCH", f"/replicaSet/{name}/rollback", {"version": current.get(name, 1)}) in (400, 404)
        kept = {version.container for each in self.rs.sets() for version in self.rs.history(each.name)}
        engine = self.podman.engine
        assert set(engine("ps", "--all", "--format", "{{.Names}}").split()) == kept
        claims = self.rs.resources().claims
        reserved = [
            gpu for each in self.rs.sets() for gpu in self.rs.record(each.name)[1].gpus if each.state != "stopped"
        ]
        assert sorted(claim.name for claim in claims if claim.kind == "gpu") == sorted(reserved)
        assert {claim.set for claim in claims} == {each.name for each in self.rs.sets()}
        if text:
            container = self.rs.record("foo")[1].container
            upper = engine("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", container)
            if text == "rolled back":
                text = "first" if self.rs.record("foo")[1].origin == 1 else "second"
            assert (Path(upper) / "v").read_text() == f"{text}\n"


@pytest.fixture
def dying(podman: Podman, tmp_path: Path) -> Iterator[Dying]:
    known = given(podman, tmp_path) | {"store": str(tmp_path / "state/replicasets.db")}
    (tmp_path / "shared").mkdir()
    command = [
        sys.executable,
        "-m",
        "tests.replicasets.api.dying",
        str(tmp_path / "end"),
        "serve",
        "--port",
        "0",
        "--no-preflight",
    ]
    command += ["--state", str(tmp_path / "state"), "--engine", podman.address, "--gpu-kind", podman.kind]
    command += ["--ports", f"{known['first_port']}-{known['last_port']}", "--root", str(tmp_path / "shared")]
    env = {**os.environ, **podman.engine.env}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    token = (tmp_path / "state/operate.token").read_text().strip()
    rs = ReplicaSets(Settings(**known))
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
        yield Dying(client, podman, tmp_path / "end", rs)
    rs.close()
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()


def run(dying: Dying, name: str, **more: object) -> int:
    return dying("POST", "/replicaSet", {"imageName": TINY, "replicaSetName": name, "gpuCount": 1, **more})


@pytest.mark.slow
def test_at_each_step(dying: Dying) -> None:
    need_root("disks are committed, and not copied")

    def write(text: str) -> None:
        assert dying("POST", "/replicaSet/foo/execute", {"cmd": ["sh", "-c", f"echo {text} >/v"]}) == 200

    def each(text: str, method: str, path: str, body: object = None, again: str = "") -> int:
        at = 1
        while dying.killed(at, method, path, body):
            dying.check(text)
            if again:
                dying("PATCH", f"/replicaSet/foo/{again}")
            at += 1
        dying.check(text)
        return at - 1

    new = {"imageName": TINY, "replicaSetName": "new", "gpuCount": 1, "containerPorts": ["80"]}
    at = 1
    while dying.killed(at, "POST", "/replicaSet", new):
        dying.check("")
        dying("DELETE", "/replicaSet/new")
        at += 1
    assert at == 3
    assert run(dying, "foo", containerPorts=["80"]) == 200
    write("first")
    assert each("first", "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 2}}) >= 5
    assert dying("PATCH", "/replicaSet/foo/restart") == 200
    write("second")
    # Created, ended and started: what runs is not frozen, for it is another version's disk that is carried.
    assert each("rolled back", "PATCH", "/replicaSet/foo/rollback", {"version": 1}) >= 3
    assert each("first", "PATCH", "/replicaSet/foo/stop", again="restart") >= 1
    at = 1
    while dying.killed(at, "DELETE", "/replicaSet/foo"):
        dying.check("")
        # What is begun is finished: it was podman that was away, and not the wish.
        assert run(dying, "foo") == 200
        at += 1
    assert dying("DELETE", "/replicaSet/new") == 200
    dying.check("")


def test_in_the_middle_of_an_answer(dying: Dying, tmp_path: Path) -> None:
    """podman is killed while it waits for a container to end, and while it hands on what a program writes."""
    shared, process = tmp_path / "shared", dying.podman.process
    binds = [{"src": str(shared), "dest": "/shared"}]
    assert run(dying, "foo", binds=binds, cmd=["sh", "-c", PATIENT]) == 200
    with ThreadPoolExecutor(1) as other:
        done = other.submit(
            dying, "POST", "/replicaSet/foo/execute", {"cmd": ["sh", "-c", "touch /shared/here; sleep 600"]}
        )
        appears(shared / "here")
        dying.podman.kill()
        assert done.result(60) == 503
        dying.podman.start()
        assert dying("GET", "/replicaSet/foo") == 200
        appears(shared / "ready")
        stopping = other.submit(dying, "PATCH", "/replicaSet/foo/stop")
        appears(shared / "asked")
        dying.podman.kill()
        assert stopping.result(60) == 503
        assert {claim.kind for claim in dying.rs.resources().claims} >= {"gpu"}, "it still runs with its GPU"
        dying.podman.start()
        (shared / "go").touch()
        assert dying("PATCH", "/replicaSet/foo/stop") == 200
    assert process is not dying.podman.process and dying.rs.info("foo").live == "exited"
    assert {claim.kind for claim in dying.rs.resources().claims} == {"set"}


def appears(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)
