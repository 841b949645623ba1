"""The service killed -9, and podman's service killed, in the middle of operations on real containers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY, Engine, need_root
from tests.replicasets.conftest import Podman, given
from tests.replicasets.killed import NEWER, operate
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineGone, ReplicaSetError
from workbench.replicasets.requests import ExecuteRequest, RunRequest
from workbench.replicasets.service import ReplicaSets

pytestmark = pytest.mark.thorough

# How many calls of podman that change something each operation makes.
CALLS = {"run": 4, "patch": 6, "upgrade": 6, "rollback": 4, "stop": 1, "delete": 2, "prune": 2, "limit": 3}
MOMENTS = [(operation, at) for operation, calls in CALLS.items() for at in range(1, calls)] + [("stop", 1)]
# Every second moment of each operation where time counts; the fuzz draws its own from all.
MARKED = [
    pytest.param(
        *moment, marks=[] if moment[1] % 2 and moment not in (("upgrade", 1), ("upgrade", 5)) else [pytest.mark.slow]
    )
    for moment in MOMENTS
]


def prepared(rs: ReplicaSets) -> None:
    need_root("disks are committed, and not copied")
    rs.run(RunRequest(TINY, "foo", gpus=1, ports=["80"]))
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo 1 >/v"]))
    rs.restart("foo")
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo 2 >/v; echo x >/.dot"]))


def check(rs: ReplicaSets, engine: Engine, operation: str) -> None:
    """Nothing lost, leaked or held twice, as far as podman and the store can tell."""
    kept, reserved = set(), set()
    for each in rs.sets():
        versions = rs.history(each.name)
        kept |= {version.container for version in versions}
        reserved |= set(versions[0].gpus) if each.state != "stopped" else set()
        assert rs.info(each.name).live == {"running": "running", "stopped": "exited"}[each.state]
        if each.name == "foo":
            origin = {3: 1 if operation == "rollback" else 2}.get(each.current, each.current)
            disk = engine.on_disk(versions[0].container, "cat v; ! test -e .dot || echo dot")
            assert disk.split() == [str(origin), *(["dot"] if origin == 2 else [])]
    assert set(engine("ps", "--all", "--format", "{{.Names}}").split()) == kept
    # Half-made ones too.
    assert len(engine.containers().split()) == len(kept)
    secrets = engine("secret", "ls", "--format", "{{.Name}}").split()
    assert [each for each in secrets if each.rpartition(".")[0] not in kept] == []
    assert set(rs.resources().of("gpu")) == reserved
    assert {claim.set for claim in rs.resources().claims} == {each.name for each in rs.sets()}
    assert [each.name for each in rs.sets()] in (["foo"], ["foo", "new"], [])
    assert operation == "delete" or rs.sets()[0].name == "foo"


@pytest.mark.parametrize(("operation", "at"), MARKED)
def test_the_service_is_killed(
    operation: str, at: int, room: Callable[..., ReplicaSets], podman: Podman, tmp_path: Path
) -> None:
    prepared(room())
    if operation == "upgrade":
        text = f"FROM {TINY}\nRUN echo 2 >/etc/release\n"
        podman.engine("build", "--tag", NEWER, "-", stdin=text.encode())
    command = [
        sys.executable,
        "-m",
        "tests.replicasets.killed",
        json.dumps(given(podman, tmp_path)),
        operation,
        str(at),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL, done.stderr
    rs = room()
    assert any("settled" in line for line in rs.reconcile())
    check(rs, podman.engine, operation)
    assert rs.reconcile() == []


@pytest.mark.parametrize(
    ("operation", "at"), [("run", 2), ("run", 3), ("patch", 2), ("patch", 5), ("rollback", 2), ("delete", 1)]
)
def test_podman_is_killed(
    operation: str, at: int, rs: ReplicaSets, podman: Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(rs)
    left, original = at, PodmanHttp.call

    def call(self: PodmanHttp, method: str, *args: object, **kwargs: object) -> object:
        nonlocal left
        if method != "GET":
            left -= 1
            if left == 0:
                podman.kill()
        return original(self, method, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(PodmanHttp, "call", call)
    with pytest.raises(EngineGone) as error:
        operate(rs, operation)
    assert "podman.socket" in error.value.hint
    with pytest.raises(ReplicaSetError):
        rs.check()
    podman.start()
    # The same service goes on by itself.
    assert any("settled" in line for line in rs.reconcile())
    check(rs, podman.engine, operation)
