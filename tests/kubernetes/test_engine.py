"""Replica sets on a real control plane, with the rights that are written down and no others; a node is played."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.catalogues import REPOSITORY
from tests.kubernetes.cluster import Cluster
from tests.replicasets.engines.kubernetes import contract
from tests.replicasets.engines.kubernetes.conftest import service
from tests.replicasets.engines.kubernetes.node import GPU, IMAGE, NODE, Node, node_object, playing
from workbench.cli import verb_parser
from workbench.replicasets.engines.kubernetes import access
from workbench.replicasets.engines.kubernetes.engine import KubernetesEngine
from workbench.replicasets.engines.kubernetes.naming import OURS
from workbench.replicasets.errors import EngineError
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings
from workbench.replicasets.values import Bind
from workbench.verbs.serve import _address

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]
MERGE = "application/merge-patch+json"
SITE = """\
storage_class = "fast"
service_account = "workbench"
shm = "1Gi"
pull_secrets = ["quay"]
tolerations = ["gpu:NoSchedule"]
[nodes]
"gpu.product" = "A100"
[env]
A = "the site's"
PROXY = "http://proxy:3128"
"""


@dataclass
class Team:
    """A namespace with the service's account, a node that is played, and a service that is that account."""

    cluster: Cluster
    root: str
    node: Node
    folder: Path

    def another(self, store: str) -> ReplicaSets:
        return service(KubernetesEngine("", "", GPU, 8), self.folder / store)

    def read(self, kind: str) -> list[dict[str, Any]]:
        """Our objects of a kind."""
        return list(self.cluster.request("GET", f"{self.root}/{kind}", labelSelector=OURS).body["items"])

    def put(self, name: str, status: dict[str, Any]) -> None:
        self.node.put(f"/pods/{name}", status)

    def drop(self, name: str) -> None:
        assert self.cluster.request("DELETE", f"{self.root}/pods/{name}", {"gracePeriodSeconds": 0}).status == 200


@pytest.fixture
def team(cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    root = f"/api/v1/namespaces/{namespace}"
    for document in yaml.safe_load_all((REPOSITORY / "service/kubernetes-rights.yaml").read_text()):
        document["metadata"]["namespace"] = namespace
        for subject in document.get("subjects", ()):
            subject["namespace"] = namespace
        assert cluster.apply(document).taken
    _as_a_pod(cluster, root, tmp_path, monkeypatch)
    cluster.request("POST", "/api/v1/nodes", node_object())
    cluster.request("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": node_object()["status"]}, MERGE)

    def send(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        content = MERGE if method == "PATCH" else "application/json"
        return cluster.request(method, root + path, body, content).body

    with playing(send) as node:
        yield Team(cluster, root, node, tmp_path)
    cluster.request("DELETE", f"/api/v1/nodes/{NODE}")


def _as_a_pod(cluster: Cluster, root: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process what a Pod of the service's account has."""
    found = cluster.until(f"{root}/serviceaccounts/workbench", lambda account: "secrets" in account)
    secret = cluster.get(f"{root}/secrets/{found['secrets'][0]['name']}")["data"]
    for name in ("token", "namespace"):
        (folder / name).write_bytes(base64.b64decode(secret[name]))
    (folder / "ca.crt").write_bytes(cluster.certificate.read_bytes())
    monkeypatch.setattr(access, "_ACCOUNT", folder)
    host, _, port = cluster.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)


@pytest.fixture
def rs(team: Team) -> Iterator[ReplicaSets]:
    """A service that may list nodes too."""
    for document in yaml.safe_load_all((REPOSITORY / "service/kubernetes-nodes.yaml").read_text()):
        for subject in document.get("subjects", ()):
            subject["namespace"] = team.root.rpartition("/")[2]
        assert team.cluster.apply(document).taken
    made = team.another("store.db")
    yield made
    made.close()


def test_a_kubeconfig_whose_program_lets_in(team: Team) -> None:
    """What the API server does not know is sent again with what the program prints next."""
    token, program = team.folder / "token", team.folder / "program"
    words = '{"apiVersion": "%s", "kind": "ExecCredential", "status": {"token": "%s"}}'
    version = "client.authentication.k8s.io/v1"
    printed = [words % (version, each) for each in ("nobodys", token.read_text())]
    program.write_text(f"#!/bin/sh\nif mkdir ran 2>/dev/null; then echo '{printed[0]}'; else echo '{printed[1]}'; fi\n")
    program.chmod(0o755)
    config = yaml.safe_load(team.cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"exec": {"apiVersion": version, "command": "env", "args": ["-C", str(team.folder)]}}
    config["users"][0]["user"]["exec"]["args"].append(str(program))
    (team.folder / "kubeconfig").write_text(yaml.safe_dump(config))
    engine = KubernetesEngine(str(team.folder / "kubeconfig"), team.root.rpartition("/")[2], GPU, 8)
    engine.check()
    assert (team.folder / "ran").is_dir() and engine.containers(OURS) == []
    engine.close()


def test_pods_where_the_file_of_a_site_has_them(team: Team, rs: ReplicaSets) -> None:
    site = team.folder / "site.toml"
    site.write_text(SITE)
    args = verb_parser("serve")[1].parse_args(["--engine", "kubernetes", "--site", str(site)])
    placed = ReplicaSets(
        Settings(engine=_address(args), gpu_kind=GPU, store=str(team.folder / "site.db"), watch_seconds=0)
    )
    placed.create_volume("data", "1GB")
    placed.run(RunRequest(IMAGE, "foo", env=["A=mine"], binds=[Bind("data", "/data")]))
    (pod,), (claim,) = team.read("pods"), team.read("persistentvolumeclaims")
    spec = pod["spec"]
    assert (spec["nodeSelector"], spec["imagePullSecrets"]) == ({"gpu.product": "A100"}, [{"name": "quay"}])
    # The cluster adds tolerations of its own.
    assert {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"} in spec["tolerations"]
    # The set's own go before: they are in its Secret.
    env = [(each["name"], each.get("value")) for each in spec["containers"][0]["env"]]
    assert {("A", None), ("PROXY", "http://proxy:3128")} <= {*env} and ("A", "the site's") not in env
    assert spec["serviceAccountName"] == "workbench"
    assert [each["emptyDir"]["sizeLimit"] for each in spec["volumes"] if "emptyDir" in each] == ["1Gi"]
    assert claim["spec"]["storageClassName"] == "fast"
    placed.close()


def test_versions(team: Team, rs: ReplicaSets) -> None:
    contract.versions(rs, team.read, lambda: team.another("empty.db"))


def test_what_is_not_as_usual(team: Team, rs: ReplicaSets) -> None:
    contract.options(rs, team.read)
    contract.refusals(rs)
    contract.places(rs, team.node)
    contract.ends(rs, team.put, team.drop)
    contract.watches(rs, team.put)


def test_a_claim_without_storage_does_not_grow(team: Team, rs: ReplicaSets) -> None:
    rs.create_volume("data", "1GB")
    with pytest.raises(EngineError, match="workbench-data has no storage yet"):
        rs.resize_volume("data", "2GB")
    assert rs.volume("data").size == 1 << 30


def test_a_quota_of_the_namespace(team: Team, rs: ReplicaSets) -> None:
    """What the namespace allows beside our own quotas is refused in the cluster's words, and nothing is left."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "one", "namespace": "", "labels": {}}}
    quota["metadata"]["namespace"] = team.root.rpartition("/")[2]  # type: ignore[index]
    assert team.cluster.apply({**quota, "spec": {"hard": {"pods": "1"}}}).taken
    team.cluster.until(f"{team.root}/resourcequotas/one", lambda found: "used" in found.get("status", {}))
    rs.run(RunRequest(IMAGE, "foo"))
    with pytest.raises(EngineError, match="exceeded quota: one"):
        rs.run(RunRequest(IMAGE, "bar"))
    assert [each["metadata"]["name"] for each in team.read("podtemplates")] == ["foo-1"]
