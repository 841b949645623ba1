from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.replicasets.api.proxy.upstream import Ide, ide
from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, FakeEngine, MemoryStore, service
from workbench.replicasets.api.app import make_app
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.proxy.places import Site
from workbench.replicasets.api.proxy.serving import Workbenches, serving
from workbench.replicasets.api.serving import listen, make_server
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller, Role


class ReachedEngine(FakeEngine):
    """Containers are reached at this machine, at the ports that they have inside."""

    def reached_at(self, container: str) -> str:
        return "127.0.0.1"


@dataclass
class Proxied:
    """The service and the address of its sets, over an engine in memory; `ide` is the IDE of every set."""

    address: str
    sets: str
    room: ReplicaSets
    engine: ReachedEngine
    tokens: dict[str, str]
    known: Tokens
    ide: Ide
    workbenches: Workbenches

    def run(self, name: str, owner: str = "op", env: tuple[str, ...] = ()) -> None:
        self.room.run(RunRequest(IMAGE, name, ports=[str(self.ide.port)], env=env), Caller(owner))

    def api(self, who: str) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.tokens[who]}"}, timeout=30)

    def ticket(self, name: str, who: str = "op", query: str = "") -> dict[str, Any]:
        with self.api(who) as api:
            response = api.post(f"/api/v1/replicaSet/{name}/session{query}")
        assert response.status_code == 200, response.text
        return dict(response.json()["data"])

    def enter(self, ticket: str, sure: bool = True, origin: str = "", **more: str) -> httpx.Response:
        headers = {"Origin": origin or self.sets, **more}
        return httpx.post(f"{self.sets}/session", json={"ticket": ticket, "sure": sure}, headers=headers)

    def browser(self, name: str, who: str = "op") -> httpx.Client:
        """Return a client with a session of the set, as a browser has it."""
        response = self.enter(self.ticket(name, who)["ticket"])
        assert response.status_code == 200, response.text
        cookie = response.headers["set-cookie"].partition(";")[0]
        headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Accept": "*/*"}
        return httpx.Client(base_url=self.sets, headers=headers, timeout=30)


@pytest.fixture
def site() -> Site:
    """Where browsers find the sets; a module may put another one in its place."""
    return Site()


@pytest.fixture
def proxied(tmp_path: Path, site: Site) -> Iterator[Proxied]:
    engine = ReachedEngine(Faults())
    room = service(tmp_path, engine, MemoryStore(Faults()), first_port=20000, last_port=20009, proxied=True)
    tokens = Tokens(str(tmp_path / "state"))
    tokens.begin()
    plain = {name: tokens.add(name, Role.OPERATE) for name in ("op", "other")}
    plain |= {"root": tokens.add("root", Role.ADMIN), "look": tokens.add("look", Role.READ)}
    listening, door = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    port, number = listening.getsockname()[1], door.getsockname()[1]
    there = Site(number, site.url.replace("PORT", str(number)))
    workbenches = Workbenches(room, tokens, there, "" if there.url else str(port))
    server = make_server(make_app(room, tokens, Audit(str(tmp_path / "audit.log")), workbenches=workbenches))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with ide() as found, serving(workbenches, door):
            while not server.started:
                time.sleep(0.01)
            address, sets = (f"http://127.0.0.1:{each}" for each in (port, number))
            try:
                yield Proxied(address, sets, room, engine, plain, tokens, found, workbenches)
            finally:
                # All three at once: each looks ten times a second whether it is over.
                server.should_exit = found.over = True
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
