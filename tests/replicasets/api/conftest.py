from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from workbench.replicasets.api.app import make_app
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.compat import Compat
from workbench.replicasets.api.proxy.places import Site
from workbench.replicasets.api.proxy.serving import Workbenches
from workbench.replicasets.api.serving import listen, make_server
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.builds.queue import Builds
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.values import Quota, Role


@dataclass
class Served:
    """The service on a real port, over an engine in memory."""

    address: str
    folder: Path
    room: ReplicaSets
    engine: FakeEngine
    faults: Faults
    tokens: dict[str, str]

    def client(self, who: str = "op") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=30)

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]


def until(so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def kept(faults: Faults) -> StateStore:
    """Where the service keeps its truth; a module may put another one in its place."""
    return MemoryStore(faults)


@pytest.fixture
def compat() -> Compat:
    """How far the service is the original's; a module may put more in its place."""
    return Compat()


@pytest.fixture
def sees_all() -> bool:
    """Whether owners see one another's sets; a module may put True in its place."""
    return False


@pytest.fixture
def leads() -> bool:
    """Whether the service leads to the IDEs of sets; a module may put True in its place."""
    return False


@pytest.fixture
def builds() -> Builds | None:
    """What builds images: nothing; a module may put something in its place."""
    return None


@pytest.fixture
def served(
    tmp_path: Path, faults: Faults, kept: StateStore, compat: Compat, sees_all: bool, leads: bool, builds: Builds | None
) -> Iterator[Served]:
    engine = FakeEngine(faults)
    room = service(tmp_path, engine, kept, first_port=20000, last_port=20009)
    tokens = Tokens(str(tmp_path / "state"), sees_all=sees_all)
    tokens.begin()
    plain = {
        "op": tokens.add("op", Role.OPERATE),
        "other": tokens.add("other", Role.OPERATE),
        "root": tokens.add("root", Role.ADMIN),
        "look": tokens.add("look", Role.READ),
        "small": tokens.add("small", Role.OPERATE, Quota(sets=1, gpus=2)),
    }
    listening = listen("127.0.0.1", 0)
    workbenches = Workbenches(room, tokens, Site(1)) if leads else None
    audit = Audit(str(tmp_path / "audit.log"))
    server = make_server(make_app(room, tokens, audit, compat=compat, workbenches=workbenches, builds=builds))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", tmp_path, room, engine, faults, plain)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client
