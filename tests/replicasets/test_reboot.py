"""The machine goes down and comes up: what ran runs again with all that it had, what was stopped or paused does not."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import SHORT, TINY, Engine, missing, need_root, need_sized_volumes, search_path
from tests.networks import own_network, session_number
from tests.replicasets.call_faults import Crash
from tests.replicasets.conftest import GPUS, Podman, given
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from tests.replicasets.gpus import cdi_spec
from tests.replicasets.test_crashes import disks, world
from tests.replicasets.test_records import limit
from tests.replicasets.truth import LIVE, check
from workbench.replicasets import owner, reboot
from workbench.replicasets.codec import encode
from workbench.replicasets.engines.ports import is_free
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.reboot import BOOT, Boot
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings
from workbench.replicasets.stores.protocol import Changes
from workbench.replicasets.values import Bind, State


def go_down(rs: ReplicaSets, engine: FakeEngine, store: MemoryStore) -> None:
    """All processes are gone, and their limits with them."""
    rs.reconcile()
    store.commit(Changes(puts={BOOT: encode(Boot("an earlier boot"))}))
    for each in engine.standing.values():
        if each.state in ("running", "paused"):
            each.state, each.limits = "exited", (0, 0)


def settled(rs: ReplicaSets, engine: FakeEngine, store: MemoryStore, where: str) -> None:
    """What was paused is so in name only, until it is continued; all else is as it was."""
    assert engine.standing["frozen-1"].state == "exited"
    rs.continue_("frozen")
    rs.pause("frozen")
    check(rs, engine, store, disks("stop"), where)


def test_what_ran_runs_again(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    go_down(rs, engine, store)
    again = service(tmp_path, engine, store)
    assert again.reconcile() == [f"{name} is started again: the machine was rebooted" for name in ("foo", "more")]
    assert again.reconcile() == []
    assert engine.standing["more-1"].limits == (0, 80 << 20), "the limit it was given while it ran"
    settled(again, engine, store, "after the reboot")


def test_what_ended_by_itself_is_left_so_without_a_reboot(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    rs.reconcile()
    engine.standing["foo-2"].state = "exited"
    again = service(tmp_path, engine, store)
    assert again.reconcile() == ["foo ended with code 0"]
    assert (engine.standing["foo-2"].state, again.reconcile()) == ("exited", [])


@pytest.mark.parametrize("kind", ["crash", "error", "gone"])
def test_a_fault_at_every_point(kind: str, tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    go_down(rs, engine, store)
    engine.faults.count = 0
    service(tmp_path, engine, store).reconcile()
    assert engine.faults.count > 15
    for at in range(engine.faults.count):
        engine, store, rs = world(tmp_path, True)
        go_down(rs, engine, store)
        faults = engine.faults
        faults.kind, faults.at, faults.count = kind, at, 0
        with contextlib.suppress(Crash, ReplicaSetError):
            service(tmp_path, engine, store).reconcile()
        where, faults.at = f"{kind} {faults.fired}", -1
        again = service(tmp_path, engine, store)
        again.reconcile()
        assert again.reconcile() == [], where
        settled(again, engine, store, where)


def test_what_cannot_be_started_is_tried_again_and_holds_up_nobody(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    go_down(rs, engine, store)
    stranger = dataclasses.replace(engine.standing["foo-2"].spec, name="stranger", gpus=(), labels={})
    engine.create(stranger)
    engine.start("stranger")
    again = service(tmp_path, engine, store)
    first = again.reconcile()
    assert first == [
        "more is started again: the machine was rebooted",
        "foo: it cannot be started again yet: cannot listen on the TCP port",
    ]
    # It is not called running, and what is known already is not said again.
    assert (again.info("foo").set.state, again.reconcile()) == (State.RESTARTING, [])
    engine.remove("stranger")
    assert again.reconcile() == ["foo is started again: the machine was rebooted"]
    settled(again, engine, store, "in the end")


def test_a_set_that_is_gone_is_waited_for_no_more(tmp_path: Path) -> None:
    engine, store, rs = world(tmp_path, True)
    go_down(rs, engine, store)
    engine.remove("more-1")
    messages = service(tmp_path, engine, store).reconcile()
    assert "more is gone: its container was removed past the service" in messages
    assert service(tmp_path, engine, store).reconcile() == []


@dataclasses.dataclass
class Machine:
    """A machine of its own for podman: what a reboot empties lies below a folder."""

    podman: Podman
    chains: list[list[str]] = dataclasses.field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.podman.engine.folder

    def go_down(self) -> None:
        """Power is cut: processes, mounts, and what lies in memory are gone, at once."""
        self.podman.kill()
        ids = self.podman.engine("ps", "--all", "--quiet", "--no-trunc").split()
        form = "{{.State.ConmonPid}} {{.State.Pid}} {{.NetworkSettings.SandboxKey}}"
        output = self.podman.engine("inspect", "--format", form, *ids)
        words = [line.split() for line in output.splitlines()]
        spaces = [space for each in words for space in each[2:]]
        names = self.podman.engine("network", "ls", "--quiet").split()
        networks = json.loads(self.podman.engine("network", "inspect", *names))
        # conmon first: nobody is to clean up after its container.
        pids = [int(each[column]) for column in (0, 1) for each in words if each[column] != "0"]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            thaw(pid)
        deadline = time.monotonic() + 20
        while any(is_alive(pid) for pid in pids):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for each in sorted((m for m in mounts if m.startswith(str(self.folder)) or m in spaces), reverse=True):
            subprocess.run(["umount", each], check=False)
        for space in spaces:
            Path(space).unlink(missing_ok=True)
        self._forget(networks)
        for runtime in ("runc", "crun"):
            for each in ids:
                shutil.rmtree(f"/run/{runtime}/{each}", ignore_errors=True)
        shutil.rmtree(self.folder / "run")
        shutil.rmtree(self.folder / "tmp")

    def _forget(self, networks: list[dict[str, Any]]) -> None:
        """Remove bridges, and the rules of their containers: they would lead to addresses where nobody is."""
        path = search_path()
        bridges = [each["network_interface"] for each in networks]
        near = [net["subnet"].rpartition(".")[0] + "." for each in networks for net in each["subnets"]]
        near += [f" {bridge} " for bridge in bridges]
        for table in ("nat", "filter"):
            command = ["iptables", "--wait", "--table", table]
            env = {**os.environ, "PATH": path}
            output = subprocess.run(
                [*command, "--list-rules"], env=env, capture_output=True, text=True, check=True
            ).stdout
            rules = [shlex.split(line) for line in output.splitlines() if line.startswith("-A NETAVARK")]
            is_near = [any(word in f" {' '.join(rule)} " for word in near) for rule in rules]
            chains = [(rule[1], close) for rule, close in zip(rules, is_near, strict=True)]
            own = {chain for chain, close in chains if close and chain.startswith("NETAVARK-DN-")}
            for rule, close in zip(rules, is_near, strict=True):
                if close or rule[1] in own or own & set(rule):
                    subprocess.run([*command, "-D", *rule[1:]], env=env, check=True)
            for chain in own:
                subprocess.run([*command, "-X", chain], env=env, check=True)
                self.chains.append([*command, "-X", chain])
        # A network whose containers never ran has none.
        for bridge in bridges:
            if Path("/sys/class/net", bridge).exists():
                subprocess.run(["ip", "link", "delete", bridge], env={**os.environ, "PATH": path}, check=True)


def thaw(pid: int) -> None:
    """Let a frozen process take its signal, past podman, in either version of control groups."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if is_alive(pid) else ():
        number, kinds, path = line.split(":", 2)
        old, new = Path(f"/sys/fs/cgroup/freezer{path}/freezer.state"), Path(f"/sys/fs/cgroup{path}/cgroup.freeze")
        if kinds == "freezer" and old.exists():
            old.write_text("THAWED")
        elif number == "0" and new.exists():
            new.write_text("0")


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def machine(store: Engine) -> Iterator[Machine]:
    """podman as the session has it, but with a store, and a folder for what is gone after a reboot, of its own."""
    if messages := missing():
        pytest.skip(messages)
    need_root("a reboot takes away mounts and networks")
    need_sized_volumes()
    folder = Path(tempfile.mkdtemp(prefix="workbench-reboot-", dir=SHORT))
    session = own_network()
    name, subnet = f"wbr{os.getpid()}", f"10.{session_number()}.1.0/24"
    own = session | {"name": name, "network_interface": name, "id": hashlib.sha256(name.encode()).hexdigest()}
    own["subnets"] = [{"subnet": subnet, "gateway": subnet.replace("0/24", "1")}]
    (folder / "net").mkdir()
    (folder / "net" / f"{name}.json").write_text(json.dumps(own))
    known = Path(store.env["CONTAINERS_CONF"]).read_text()
    known = known.replace(f"{store.folder}/net", f"{folder}/net").replace(str(session["name"]), name)
    tmp = f'[engine]\ntmp_dir = "{folder}/tmp"\n'
    (folder / "containers.conf").write_text(known.replace("[engine]\n", tmp) if "[engine]\n" in known else known + tmp)
    lines = f'driver = "overlay"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n'
    (folder / "storage.conf").write_text(f"[storage]\n{lines}")
    paths = {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }
    engine = Engine(folder, {**store.env, **paths})
    podman = Podman(engine, folder, kind=f"wbi-reboot-{os.getpid()}.test/gpu")
    spec = cdi_spec(Path("/etc/cdi"), podman.kind, GPUS)
    try:
        saved = folder / "tiny.tar"
        store("save", "--output", str(saved), TINY)
        engine("load", "--input", str(saved))
        podman.start()
        made = Machine(podman)
        yield made
        engine("rm", "--all", "--force", "--time", "0")
        for command in made.chains:
            # Made again after the reboot; netavark leaves it there, empty.
            subprocess.run(command, env={**os.environ, "PATH": search_path()}, check=False, capture_output=True)
    finally:
        spec.unlink()
        podman.kill()
        engine.try_("rm", "--all", "--force", "--time", "0")
        engine.try_("volume", "rm", "--all", "--force")
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for each in sorted((each for each in mounts if each.startswith(str(folder))), reverse=True):
            subprocess.run(["umount", "--lazy", each], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.thorough
def test_on_podman_after_a_power_cut(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    podman = machine.podman
    settings = Settings(**given(podman, tmp_path))
    rs = ReplicaSets(settings)
    rs.reconcile()
    rs.create_volume("data", "8MB")
    rs.run(RunRequest(TINY, "foo", gpus=2, ports=["80"], memory="64MB", binds=[Bind("data", "/data")]))
    rs.patch("foo", PatchRequest(memory="128MB"))
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo disk >/v; echo volume >/data/v; sync"]))
    for name in ("frozen", "off"):
        rs.run(RunRequest(TINY, name, gpus=1))
        rs.execute(name, ExecuteRequest(["sh", "-c", "echo disk >/v; sync"]))
    rs.pause("frozen")
    rs.stop("off")
    claims, port = rs.resources().claims, rs.info("foo").version.ports[0].host
    rs.close()
    machine.go_down()

    # Another boot, for the service.
    for module in (owner, reboot):
        monkeypatch.setattr(module, "boot", lambda: "the next boot")
    podman.start()
    again = ReplicaSets(settings)
    assert again.reconcile() == ["foo is started again: the machine was rebooted"]
    assert again.reconcile() == []
    assert {each.name: again.info(each.name).live == LIVE[each.state] for each in again.sets()} == {
        "foo": True,
        "frozen": False,
        "off": True,
    }
    script = "cat /v /data/v; ls /dev/nvidia?; df -k /data | tail -1 | wc -l"
    assert again.execute("foo", ExecuteRequest(["sh", "-c", script])).stdout.split() == [
        "disk",
        "volume",
        "/dev/nvidia0",
        "/dev/nvidia1",
        "1",
    ]
    assert limit(podman.engine("inspect", "--format", "{{.State.Pid}}", "foo-1")) == 128 << 20
    assert not is_free("127.0.0.1", port) and again.resources().claims == claims
    full = again.execute("foo", ExecuteRequest(["dd", "if=/dev/zero", "of=/data/more", "bs=1M", "count=20"]))
    assert "No space left" in full.stdout
    # Paused is still what it is meant to be; its processes are gone, its disk is not.
    assert [each.state for each in again.sets()] == [State.RUNNING, State.PAUSED, State.STOPPED]
    again.continue_("frozen")
    again.restart("off")
    for name in ("frozen", "off"):
        assert again.execute(name, ExecuteRequest(["cat", "/v"])).stdout == "disk\n"
    for name in ("foo", "frozen", "off"):
        again.delete(name)
    again.delete_volume("data")
    again.close()
