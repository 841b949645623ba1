"""Operations on sets whose processes write, service and podman killed at random moments, disks carried both ways."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.chance import chance
from tests.engine import TINY, need_root, wait_for
from tests.replicasets.conftest import Podman, given
from tests.replicasets.killed import NEWER
from workbench.replicasets.errors import ReplicaSetError
from workbench.replicasets.records import JOURNAL
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import State, Version

REPOSITORY = Path(__file__).parents[2]
LIVE = {State.RUNNING: "running", State.PAUSED: "paused", State.STOPPED: "exited"}
# Ends on SIGTERM, answers at its ports, and appends a line at a time that says which version wrote it.
WRITER = (
    *("sh", "-c"),
    "trap 'exit 0' TERM; n=0; rm -f /etc/passwd; for p in 80 81; do httpd -p $p -h /etc; done; while :; do n=$((n+1)); "
    'echo "$CONTAINER_VERSION $n" >>/log; usleep 5000; done',
)
SETS = ("a", "b")
# Unsupported: an upgrade of a disk that went through an image.
EXPECTED = ("done", "Conflict", "NotFound", "Invalid", "Unsupported")


def drawn(random_: random.Random, sets: dict[str, int]) -> tuple[str, str, dict[str, Any]]:
    """Return an operation, the set it is for, and its words; `sets` are those that exist and their current versions."""
    name = random_.choice(SETS)
    if name not in sets:
        ports = ["80"] * random_.randrange(2)
        words = {"image": TINY, "gpus": random_.randrange(3), "ports": ports, "command": WRITER, "memory": "64MB"}
        return "run", name, words
    operations: dict[str, Callable[[], dict[str, Any]]] = {
        "patch": lambda: random_.choice(
            [{"gpus": random_.randrange(3)}, {"ports": ["80", "81"][: random_.randrange(3)]}, {"memory": "96MB"}, {}]
        ),
        "rollback": lambda: {"version": random_.randint(1, max(sets[name] - 1, 1))},
        **dict.fromkeys(("restart", "stop", "pause", "continue_", "delete"), dict),
        "prune": lambda: {"keep": random_.randint(1, 3)},
        "commit": lambda: {"image": f"mine:{random_.getrandbits(40)}"},
        "upgrade": lambda: {"image": random_.choice((TINY, NEWER)), "keep": random_.choice(("mine", "image"))},
    }
    weights = [6, 5 if sets[name] > 1 else 0, 3, 2, 2, 2, 1, 2, 2, 4]
    operation = random_.choices(list(operations), weights)[0]
    return operation, name, operations[operation]()


@dataclass
class Fuzz:
    """Services on a podman, and beside them what each version that is no longer current had written."""

    podman: Podman
    room: Callable[..., ReplicaSets]
    random_: random.Random
    carry: str
    final: dict[tuple[str, int], str] = field(default_factory=dict)
    seen: dict[tuple[str, int], str] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    history: list[str] = field(default_factory=list)

    def round(self, process: subprocess.Popen[str]) -> None:
        """Do one operation, with a kill or without, settle, and check everything."""
        rs = self.room(carry=self.carry)
        operation, name, words = drawn(self.random_, {each.name: each.current for each in rs.sets()})
        kind = self.random_.choice(["none", "calls", "calls", "seconds", "podman"])
        request = {
            **{"operation": operation, "name": name, "words": words},
            "calls": self.random_.randint(1, 16) if kind == "calls" else 0,
            "seconds": self.random_.uniform(0.05, 1.2) if kind == "seconds" else 0,
        }
        self.history.append(f"{request} {kind}")
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        if kind == "podman":
            time.sleep(self.random_.uniform(0.02, 0.5))
            self.podman.kill()
        result = str(json.loads(process.stdout.readline()))
        self.history[-1] += f" → {result}"
        assert not result.startswith("bug:"), result
        assert kind != "none" or result.partition(":")[0] in EXPECTED, result
        self.outcomes[f"{operation} {result.partition(':')[0]}"] += 1
        if kind == "podman":
            self.podman.start()
        self.settle(rs)
        self.check(rs)
        if operation == "commit":
            self.podman.engine.try_("rmi", f"localhost/{words['image']}")

    def settle(self, rs: ReplicaSets) -> None:
        """Reconcile until there is nothing left to do, as the service does every minute."""
        deadline, messages = time.monotonic() + 120, [""]
        while messages:
            try:
                messages = rs.reconcile()
            except ReplicaSetError as error:
                messages = [f"not settled: {error.message}"]
                time.sleep(0.5)
            self.history += [f"  {message}" for message in messages]
            assert time.monotonic() < deadline, messages

    def check(self, rs: ReplicaSets) -> None:
        """Nothing is lost, leaked or held twice."""
        assert rs._world.store.list(JOURNAL) == []
        kept: set[str] = set()
        images: set[str] = set()
        claims: set[tuple[str, str, str]] = set()
        for each in rs.sets():
            versions = {version.number: version for version in rs.history(each.name)}
            current = versions[each.current]
            assert rs.info(each.name).live == LIVE[each.state]
            if each.state is State.RUNNING:
                assert self.goes_on(current), f"{current.container} is frozen"
                self.answers(current)
            claims |= {("set", each.name, each.id)}
            claims |= {("port", f"{port.host}-{port.protocol}", each.id) for port in current.ports}
            if each.state is not State.STOPPED:
                claims |= {("gpu", gpu, each.id) for gpu in current.gpus}
                claims |= {("share", f"{each.id}-{current.number}", each.id)}
            for version in versions.values():
                (images if version.disk else kept).add(version.disk or version.container)
            self.logs(each.id, current, versions)
        assert {(claim.kind, claim.name, claim.id) for claim in rs.resources().claims} == claims
        engine = self.podman.engine
        assert set(engine("ps", "--all", "--format", "{{.Names}}").split()) == kept
        assert {name for name in engine.names() if "/workbench/" in name} == images

    def goes_on(self, version: Version) -> bool:
        """Return whether the processes of a running version write."""
        process = self.podman.engine("inspect", "--format", "{{.State.Pid}}", version.container)
        log, before, deadline = Path(f"/proc/{process}/root/log"), -1, time.monotonic() + 60
        while time.monotonic() < deadline:
            size = log.stat().st_size if log.exists() else 0
            if 0 <= before < size:
                return True
            before = size
            time.sleep(0.02)
        return False

    def answers(self, version: Version) -> None:
        """A port of the machine leads to the container that has it."""
        own = self.podman.engine("inspect", "--format", "{{.Config.Hostname}}", version.container)
        for port in version.ports:
            found = wait_for(f"http://127.0.0.1:{port.host}/hostname", 30).decode().strip()
            assert found == own, f"port {port.host} leads past {version.container}"

    def logs(self, set_: str, current: Version, versions: dict[int, Version]) -> None:
        """Each version goes on where its origin ended; what is over never changes."""
        for number, version in sorted(versions.items()):
            known = (set_, number)
            old = self.final.get(known)
            if old is not None and self.random_.random() > 0.2:
                continue
            log = self.log(version)
            assert old is None or log == old, f"{version.container} was changed after its end"
            assert log.startswith(self.seen.get(known, "")), f"{version.container} lost lines"
            self.seen[known] = log
            if version is not current:
                self.final[known] = log
            before = self.final.get((set_, version.origin), "")
            assert log.startswith(before), f"{version.container} does not continue version {version.origin}"
            self.written_by(version, log[len(before) :])

    def written_by(self, version: Version, text: str) -> None:
        """All of it is the version's own, and no line lacks; it counts from 1 again when it was started again."""
        last = 0
        for line in text.splitlines():
            number, _, count = line.partition(" ")
            assert number == str(version.number), (version.container, line)
            assert int(count) in (last + 1, 1), (version.container, line, last)
            last = int(count)

    def log(self, version: Version) -> str:
        """What the set wrote, as its disk has it."""
        engine = self.podman.engine
        mounting = ["image", "mount", version.disk] if version.disk else ["mount", version.container]
        unmounting = ["image", "unmount", version.disk] if version.disk else ["umount", version.container]
        root = Path(engine(*mounting))
        try:
            assert not (root / "etc/passwd").exists() or not (root / "log").exists(), "what was removed is back"
            return (root / "log").read_text() if (root / "log").exists() else ""
        finally:
            engine.try_(*unmounting)


@contextmanager
def operating(podman: Podman, folder: Path, carry: str) -> Iterator[subprocess.Popen[str]]:
    words = json.dumps(given(podman, folder) | {"carry": carry})
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.replicasets.fuzzed", words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **podman.engine.env},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def fuzz(rounds: int, carry: str, room: Callable[..., ReplicaSets], podman: Podman, folder: Path) -> None:
    need_root("disks are read from outside")
    podman.engine("build", "--tag", NEWER, "-", stdin=f"FROM {TINY}\nRUN echo 2 >/etc/release\n".encode())
    found = Fuzz(podman, room, chance(), carry)
    try:
        with operating(podman, folder, carry) as process:
            for _ in range(rounds):
                found.round(process)
    finally:
        print("\n".join(found.history[-60:]))
        print(dict(found.outcomes))
        with suppress(ReplicaSetError):
            for each in (rs := room(carry=carry)).sets():
                rs.delete(each.name)
    kills = sum(count for outcome, count in found.outcomes.items() if outcome.endswith(("killed", "EngineGone")))
    assert kills >= max(1, rounds // 10), found.outcomes


@pytest.mark.thorough
@pytest.mark.parametrize("carry", ["auto", "commit"])
def test_nothing_is_lost_in_9_rounds(
    carry: str, room: Callable[..., ReplicaSets], podman: Podman, tmp_path: Path
) -> None:
    fuzz(9, carry, room, podman, tmp_path)


# In parts: a part that fails shows its seed, and the others run on.
@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("carry", ["auto", "commit"])
def test_nothing_is_lost_in_300_rounds(
    carry: str, part: int, room: Callable[..., ReplicaSets], podman: Podman, tmp_path: Path
) -> None:
    fuzz(60, carry, room, podman, tmp_path)
