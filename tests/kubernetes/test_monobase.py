"""Monobase's manifests, given to a real API server and its controllers in the order of its documentation."""

from __future__ import annotations

import pytest

from tests.kubernetes.cluster import Cluster, Document
from tests.kubernetes.pod_security import faults
from tests.kubernetes.test_exports import holds
from tests.monobase.manifests import documents

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]

# A node with GPUs, which is kept for what needs some. Nothing runs on it: it has no kubelet.
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "gpus", "labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}},
    "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
}


def test_it_is_taken_whole_and_each_node_with_gpus_gets_its_daemon(cluster: Cluster) -> None:
    applied: list[Document] = []
    assert cluster.apply(NODE).taken
    for name in ("namespaces.yaml", "models-volume.yaml", "daemonset.yaml"):
        for document in documents(name):
            done = cluster.apply(document)
            assert done.status == 201 and holds(document, done.body), f"{document['kind']}: {done.message}"
            applied.append(document)
    cluster.make_namespace("models")
    (model,) = documents("model-pod.yaml")
    done = cluster.apply(model)
    assert done.status == 201 and holds(model, done.body), done.message
    assert faults(done.body["spec"]) == []
    # The claim of models gets the volume that is for it.
    claim = cluster.until(
        "/api/v1/namespaces/models/persistentvolumeclaims/monobase", lambda found: found["status"]["phase"] == "Bound"
    )
    assert claim["spec"]["volumeName"] == "monobase-models"
    # The controller makes a Pod for the node, with the priority that its class stands for.
    found = cluster.until("/api/v1/namespaces/monobase/pods", lambda listed: len(listed["items"]) == 1)
    (pod,) = found["items"]
    assert pod["spec"]["priority"] == 1000000
    assert pod["spec"]["priority"] > done.body["spec"]["priority"]
    (term,) = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["gpus"]}]
    for document in applied:
        assert cluster.apply(document).status == 200
