"""Names and amounts: what our flags take, and what a real API server takes of the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.kubernetes.cluster import Cluster, Document
from workbench.errors import UsageError
from workbench.export import site
from workbench.export.kubernetes import Workbench, check_workbench, manifests

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]

# Values by whether our flags take them, and whether the server does.
Table = dict[tuple[bool, bool], tuple[object, ...]]
BOTH, NEITHER, SERVER = (True, True), (False, False), (False, True)
A, LONG = "a", 253
# What a value is given to: where both take it, where neither does, and where only the server does: ours are stricter.
OBJECT: Table = {
    BOTH: ("1", "a.b-c", A * LONG),
    NEITHER: ("A", "a..b", "a.-b", "a-.b", "a/b", "a_b", "-", A * (LONG + 1)),
}
# Fractions of bytes, bytes without end and none at all make no sense.
_NO_BYTES = ("1wb", "1K", "1gi", "8 Gi", "-1Gi")
BYTES: Table = {BOTH: ("1", "1k", "512Mi", "8Gi", "1.5Ti", "08Gi", "7Ei"), NEITHER: _NO_BYTES}
VALUES: dict[str, Table] = {
    "name": {
        BOTH: (A, "mine", "a-1", A * 52),
        NEITHER: ("1st", "Mine", "a-", "a.b", "a_b", A * 64, "ä"),
        # A stateful set would get no pods.
        SERVER: (A * 53, A * 63),
    },
    "namespace": {BOTH: ("1st", A * 63), NEITHER: ("A", "a.b", "-a", "a-", A * 64, "a b")},
    "claim": OBJECT,
    "secret": OBJECT,
    "storage_class": OBJECT,
    "service_account": OBJECT,
    "pull_secrets": OBJECT,
    "runtime_class": {BOTH: ("crun", "a.b", A * LONG), NEITHER: ("A", "a..b", "a/b", A * (LONG + 1))},
    "nodes": {
        BOTH: ("disk=ssd", "nvidia.com/gpu.product=A100", "k=", f"{A * 63}={A * 63}", f"{A * LONG}/k=v", "K=a_b.c-d"),
        NEITHER: (
            *("a/b/c=x", "a..b/c=x", "A/c=x", "-a=x", "/a=x", "k=-", "k=a b", "k=a/b"),
            *(f"{A * 64}=v", f"k={A * 64}", f"{A * (LONG + 1)}/k=v"),
        ),
    },
    "tolerations": {
        BOTH: ("k", "k=v", "k=", "k:NoSchedule", "k=v:NoExecute", "nvidia.com/gpu=true:PreferNoSchedule"),
        NEITHER: ("k:Never", "a..b/c", "a b", "k=a b", f"k={A * 64}"),
    },
    "env": {
        BOTH: ("A=1", "_a1=", "A=$(B) =\n"),
        NEITHER: ("1A=1", "Ä=1", "A B=1"),
        # No shell can read them.
        SERVER: ("A-B=1", "A.B=1"),
    },
    "allow_from": {
        BOTH: ("hub", A * 63, "hub/tier=front,app=x", "/app=x", "10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::/0"),
        NEITHER: (A * 64, "/a..b/c=x", f"/app={A * 64}", "fe80::1%1/128"),
        # A label of that value would do, but no namespace has the name.
        SERVER: ("A",),
    },
    "storage": {**BYTES, NEITHER: (*_NO_BYTES, "0", "0Gi", "Gi", ""), SERVER: ("9Ei", "1e3", "100m", "9" * 20)},
    "memory": {**BYTES, SERVER: ("0", "Gi", "9Ei", "1e3", "100m", "9" * 20)},
    "shm": {**BYTES, SERVER: ("0", "Gi", "9Ei", "1e3", "100m", "9" * 20)},
    "cpu": {
        BOTH: ("1", "0.5", "500m", "1.001", "1000"),
        NEITHER: ("one", "-1", "1M1"),
        SERVER: ("1 ", "0", "0m", "0.0001", "2Gi", "9" * 20),
    },
    "gpus": {BOTH: (0, 1, 2**63 - 1), NEITHER: (-1, 10**20)},
    "accelerator": {BOTH: ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915")},
    "prefix": {BOTH: ("", "/notebook/team/mine", "/a.b~c_d"), SERVER: ("/a b", "a", "/a//b")},
    "version": {BOTH: ("2026a_20261122", f"{'r' * 70}_latest")},
}
SITE = ("storage_class", "service_account", "runtime_class", "shm", "pull_secrets", "tolerations", "nodes", "env")
LISTS = ("pull_secrets", "tolerations", "allow_from", "nodes", "env")
NAMESPACE = "values"
CLUSTERWIDE = ("Namespace", "StorageClass", "RuntimeClass")
# What must be there before a pod names it.
ADMITTED = ("service_account", "runtime_class")
# The objects that are named, whose names the server holds to its rules when they are made.
OBJECTS: dict[str, Document] = {
    "claim": {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}},
    },
    "secret": {"apiVersion": "v1", "kind": "Secret"},
    "pull_secrets": {"apiVersion": "v1", "kind": "Secret"},
    "service_account": {"apiVersion": "v1", "kind": "ServiceAccount"},
    "storage_class": {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "x.org/none"},
    "runtime_class": {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "x"},
    "namespace": {"apiVersion": "v1", "kind": "Namespace"},
}


def rows() -> Iterator[tuple[str, Any, bool, bool]]:
    for field, table in VALUES.items():
        for (ours, servers), values in table.items():
            yield from ((field, value, ours, servers) for value in values)


def made(field: str, value: Any) -> Workbench:  # noqa: ANN401, texts and numbers
    """Return the workbench that a flag with this value asks for."""
    workbench = Workbench("mine", "quay.io/team/images:x", namespace=NAMESPACE, secret="mine", gpus=1)
    if field in (*SITE, *LISTS):
        return replace(workbench, site=site.site_of({}, {field: [value] if field in LISTS else value}))
    return replace(workbench, **{field: value})


def is_ours(field: str, value: object) -> bool:
    """Return whether our flags take it."""
    if field == "shm" and not value:
        return False  # not given at all
    try:
        check_workbench(made(field, value))
    except UsageError:
        return False
    return True


def is_the_servers(cluster: Cluster, workbench: Workbench, field: str, value: object) -> bool:
    """Return whether the API server takes everything of it, and an object of that name."""
    # Of a stateful set's pod it looks at little: its controller finds out, and nobody else.
    documents = [*manifests(replace(workbench, kind="Pod")), manifests(workbench)[-1]]
    if field in OBJECTS:
        metadata = {"name": value, **({} if OBJECTS[field]["kind"] in CLUSTERWIDE else {"namespace": NAMESPACE})}
        named = {**OBJECTS[field], "metadata": metadata}
        if not (is_taken(cluster, named) if field in ADMITTED else is_taken(cluster, named, dryRun="All")):
            return False
    if field == "namespace":
        return True
    return all(is_taken(cluster, each, dryRun="All") for each in documents)


def is_taken(cluster: Cluster, document: Document, **query: str) -> bool:
    # POST, whose path has not the name: one with a slash would be another path.
    return cluster.request("POST", cluster.path(document), document, **query).taken


@pytest.fixture(scope="module")
def values(cluster: Cluster) -> Cluster:
    """The cluster, with a namespace for the workbenches of these tests."""
    cluster.make_namespace(NAMESPACE)
    return cluster


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let flags through as they are."""
    for name in ("check_object", "check_namespace", "check_bytes", "_check_label"):
        monkeypatch.setattr(site, name, lambda *_: None)
    monkeypatch.setattr(site, "_VARIABLE", re.compile(".*"))


@pytest.mark.parametrize(("field", "value", "ours", "servers"), list(rows()))
def test_what_our_flags_take_the_server_takes(
    request: pytest.FixtureRequest,
    values: Cluster,
    field: str,
    value: Any,  # noqa: ANN401
    ours: bool,
    servers: bool,
) -> None:
    assert is_ours(field, value) is ours
    request.getfixturevalue("unchecked")
    try:
        workbench = made(field, value)
    except UsageError:
        assert not ours  # not even to be written down
        return
    assert is_the_servers(values, workbench, field, value) is servers
