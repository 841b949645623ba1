from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.replicasets.engines.kubernetes.api_server import NAMESPACE, ApiServer, serving
from tests.replicasets.engines.kubernetes.node import GPU, Node, node_object, playing
from workbench.replicasets.engines.kubernetes import versions
from workbench.replicasets.engines.kubernetes.engine import KubernetesEngine
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings


@dataclass
class World:
    """A cluster that is played, the engine on it, and a service on that."""

    server: ApiServer
    node: Node
    kubeconfig: str
    folder: Path
    engine: KubernetesEngine
    rs: ReplicaSets

    def another(self, store: str = "store.db") -> ReplicaSets:
        """A service that begins anew, on the same store or an empty one."""
        return service(KubernetesEngine(self.kubeconfig, "", GPU, 5), self.folder / store)

    def pod(self, name: str, status: dict[str, Any]) -> None:
        self.node.put(f"/pods/{name}", status)


def service(engine: KubernetesEngine, store: Path) -> ReplicaSets:
    return ReplicaSets(Settings(store=str(store), stop_seconds=1, watch_seconds=0, backoff_seconds=0), engine=engine)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(versions, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(versions, "_PLACED_SECONDS", 0.1)
    with serving() as (server, authority):
        kubeconfig = server.write_kubeconfig(tmp_path, authority)
        server.objects["nodes"] = {"one": node_object()}
        context = ssl.create_default_context(cadata=authority)
        base = f"https://localhost:{server.port}/api/v1/namespaces/{NAMESPACE}"
        with httpx.Client(verify=context, trust_env=False) as client:

            def send(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
                headers = {"User-Agent": "node"}
                found = client.request(method, base + path, content=json.dumps(body or {}), headers=headers)
                made: dict[str, Any] = found.json()
                return made

            engine = KubernetesEngine(kubeconfig, "", GPU, 5)
            with playing(send) as node:
                yield World(server, node, kubeconfig, tmp_path, engine, service(engine, tmp_path / "store.db"))
            engine.close()
