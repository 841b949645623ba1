"""What is tried before there are sets: podman's real answers, and what must be so before the service starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import has_limits, rootless
from tests.replicasets.conftest import Podman
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from workbench.replicasets.api.starting import failing_at_start
from workbench.replicasets.errors import EngineError
from workbench.replicasets.preflight import Finding
from workbench.replicasets.service import ReplicaSets

DISKS = "give disks to the next version as they are, sockets and holes too"
PAUSE = "pause containers (a running set is patched, restarted and rolled back while it is frozen)"
CHANGES = "change limits while a set runs"
LIMITS = "enforce limits of memory and CPUs"


def test_all_that_sets_need_works_here(rs: ReplicaSets, podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    before, networks = podman.engine.names(), podman.engine("network", "ls")
    findings = list(rs.preflight())
    assert len(findings) == 10
    assert podman.engine("network", "ls") == networks
    # A machine may have no controllers for limits.
    expected = [] if has_limits(podman.engine) else [LIMITS, CHANGES]
    assert [finding.what for finding in findings if finding.reason] == expected
    assert (podman.engine.containers(), podman.engine.names()) == ("", before)


@pytest.fixture
def engine() -> FakeEngine:
    """An engine that ends what uses too much memory, as it should."""
    engine = FakeEngine()
    start = engine.start

    def started(name: str) -> None:
        start(name)
        if len(engine.standing[name].spec.command) > 1:
            engine.standing[name].state, engine.standing[name].exit_code = "exited", 137

    engine.start = started  # type: ignore[method-assign]
    return engine


def tried(engine: FakeEngine, folder: Path) -> list[tuple[str, str]]:
    rs = service(folder, engine, MemoryStore(engine.faults))
    before = set(engine.stored)
    findings = [(finding.what, finding.reason) for finding in rs.preflight() if finding.reason]
    assert engine.standing == {} and set(engine.stored) == before
    return findings


def test_folders_and_networks_are_tried_too(engine: FakeEngine, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise EngineError("iptables is not installed")

    engine.create_network = refuse  # type: ignore[method-assign]
    engine.attach_folder = lambda name, root, path: path  # type: ignore[method-assign]
    assert tried(engine, tmp_path) == [
        ("keep the networks of owners apart", "iptables is not installed"),
        (
            "bind folders in those of --root",
            "the service may not mount them for containers: only a --root itself can be bound",
        ),
    ]
    assert (engine.bridges, engine.folders) == ({}, {})


def test_each_failure_has_the_engine_s_reason_and_the_rest_is_tried(engine: FakeEngine, tmp_path: Path) -> None:
    assert tried(engine, tmp_path) == []

    def refuse(*_: object) -> None:
        raise EngineError("can not pause containers on rootless containers with cgroup V1")

    engine.pause = refuse  # type: ignore[method-assign]
    engine.shares_cgroup = lambda name: True  # type: ignore[method-assign]
    assert tried(engine, tmp_path) == [
        (
            "give containers a cgroup of their own",
            "containers run in the cgroup of the service: it cannot make others",
        ),
        (PAUSE, "can not pause containers on rootless containers with cgroup V1"),
    ]


def test_a_limit_that_nothing_enforces_is_found(engine: FakeEngine, tmp_path: Path) -> None:
    ended = engine.start

    def unlimited(name: str) -> None:
        ended(name)
        engine.standing[name].exit_code = 0

    engine.start = unlimited  # type: ignore[method-assign]
    ((what, reason),) = tried(engine, tmp_path)
    assert (what, reason) == (LIMITS, "a program that uses more memory than its limit was not ended (code 0)")


def test_without_containers_nothing_further_is_tried(engine: FakeEngine, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise EngineError("crun: mount proc to proc: Operation not permitted")

    engine.start = refuse  # type: ignore[method-assign]
    assert tried(engine, tmp_path) == [("start containers", "crun: mount proc to proc: Operation not permitted")]


def test_it_is_tried_once_for_each_boot_and_again_while_something_essential_fails(
    engine: FakeEngine, tmp_path: Path
) -> None:
    rs = service(tmp_path, engine, MemoryStore(engine.faults))
    findings, tries, lines = [Finding(PAUSE, "why"), Finding(DISKS, "so", essential=False)], [0], list[str]()

    def preflight() -> list[Finding]:
        tries[0] += 1
        return findings

    rs.preflight = preflight  # type: ignore[method-assign, assignment]
    for expected in (1, 2):
        failing_at_start(rs, str(tmp_path), lines.append)
        assert tries == [expected]
    assert lines == 2 * [
        f"preflight: this engine cannot {PAUSE}: why",
        f"preflight: this engine does not {DISKS}: so",
    ]
    findings.pop(0)
    for _ in range(2):
        failing_at_start(rs, str(tmp_path), lines.append)
    assert tries == [3] and lines[4:] == 2 * [f"preflight: this engine does not {DISKS}: so"]


def refused(*flags: object) -> str:
    done = wizard("serve", "--port", "0", "--engine", "unix:///nowhere", *flags)
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr, done
    return done.stderr


def test_a_state_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made: Not a directory" in refused("--state", tmp_path / "file" / "state")
    # Nobody can make files there, root included.
    assert "/proc/self: cannot be written to:" in refused("--state", "/proc/self")


def test_ports_that_this_user_may_not_bind_are_refused(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv not installed")
    if rootless():
        pytest.skip("not root, who alone can take a right away from a process")
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("everybody may bind port 80 here")
    without = ["setpriv", "--inh-caps=-net_bind_service", "--bounding-set=-net_bind_service", sys.executable]
    flags = ["--port", "0", "--engine", "unix:///nowhere", "--state", str(tmp_path), "--ports", "80-90"]
    command = [*without, str(REPOSITORY / "wizard.py"), "serve", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this user may not bind port 80, the first of 80-90" in done.stderr
    assert "choose --ports from 1024 on, or run the service as root" in done.stderr
