"""A workbench for Kubernetes: a stateful set or a pod, its volume and its service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from workbench.catalog.bases import NVIDIA
from workbench.errors import UsageError

# The contract of an image: it listens there, and this folder is the user's own.
PORT = 8888
HOME = "/opt/app-root/src"
USER = 1001
POD = "Pod"
KINDS = ("StatefulSet", POD)
# RFC 1123; a stateful set appends the number of the pod, and a hash to its revisions (63 in all).
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?")
_QUANTITY = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:m|[kMGTPE]|[KMGTPE]i)?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class Workbench:
    """A workbench to create: `prefix` is the path it serves below (NB_PREFIX), "" for the root.

    With `own_user` it runs as the image's user; without, as whoever the platform picks, as
    OpenShift wants it. `kind` is one of KINDS; `accelerator` is what the cluster calls its GPUs.
    """

    name: str
    image: str
    kind: str = "StatefulSet"
    namespace: str = ""
    prefix: str = ""
    storage: str = "10Gi"
    cpu: str = "2"
    memory: str = "8Gi"
    gpus: int = 0
    accelerator: str = NVIDIA
    own_user: bool = True


def check_workbench(workbench: Workbench) -> Workbench:
    """Return `workbench` when Kubernetes accepts its names and amounts; raises UsageError otherwise."""
    for what, name in (("name", workbench.name), ("namespace", workbench.namespace or "x")):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be the {what} of a workbench", hint="a-z, 0-9, hyphens; at most 52")
    for what, amount in (("size", workbench.storage), ("cpu", workbench.cpu), ("memory", workbench.memory)):
        if not _QUANTITY.fullmatch(amount):
            raise UsageError(f"{amount!r} is no amount for --{what}", hint="write it as Kubernetes does: 500m, 8Gi")
    if not _PREFIX.fullmatch(workbench.prefix):
        raise UsageError(f"{workbench.prefix!r} is no path", hint="write it as /notebook/team/mine")
    if workbench.gpus < 0:
        raise UsageError("--gpus needs a number from 0 on")
    return workbench


def manifests(workbench: Workbench) -> list[dict[str, Any]]:
    """Return the manifests of `workbench`: service and stateful set, or volume claim, service and pod."""
    labels = metadata(workbench)["labels"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(workbench),
        "spec": {"selector": labels, "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]},
    }
    if workbench.kind == POD:
        claimed = {"name": "home", "persistentVolumeClaim": {"claimName": workbench.name}}
        spec = pod_spec(workbench)
        spec["volumes"] = [claimed, *spec.get("volumes", ())]
        pod = {"apiVersion": "v1", "kind": POD, "metadata": metadata(workbench), "spec": spec}
        return [claim_manifest(workbench), service, pod]
    # Names in Service and StatefulSet agree: that gives the pod a name of its own in DNS.
    spec = {
        "replicas": 1,
        "serviceName": workbench.name,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod_spec(workbench)},
        "volumeClaimTemplates": [_claim(workbench, {"name": "home"})],
    }
    return [
        service,
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata(workbench), "spec": spec},
    ]


def metadata(workbench: Workbench) -> dict[str, Any]:
    """Return the name, namespace and labels that the manifests of `workbench` have."""
    labels = {"app.kubernetes.io/name": "workbench-images", "app.kubernetes.io/instance": workbench.name}
    where = {"namespace": workbench.namespace} if workbench.namespace else {}
    return {"name": workbench.name, **where, "labels": labels}


def claim_manifest(workbench: Workbench) -> dict[str, Any]:
    """Return the claim of the user's volume, of the workbench's name."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **_claim(workbench, metadata(workbench))}


def _claim(workbench: Workbench, named: dict[str, Any]) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": workbench.storage}}}
    return {"metadata": named, "spec": spec}


def pod_security(*, own_user: bool) -> dict[str, Any]:
    """Return the security context of a pod: no root; the image's user, or whoever the platform picks."""
    user = {"runAsUser": USER, "runAsGroup": 0, "fsGroup": USER} if own_user else {}
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **user}


def container_security() -> dict[str, Any]:
    """Return the security context of a container: no privileges."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def pod_spec(workbench: Workbench) -> dict[str, Any]:
    """Return the pod: no root, no privileges, nothing of the cluster's own reachable from it."""
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "securityContext": pod_security(own_user=workbench.own_user),
        "containers": [_container(workbench)],
    }
    if workbench.gpus:
        # PyTorch's loaders hand data over through shared memory, and 64 MB, the default, do not do.
        spec["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    return spec


def _container(workbench: Workbench) -> dict[str, Any]:
    mounts = [{"name": "home", "mountPath": HOME}]
    limits: dict[str, str] = {"cpu": workbench.cpu, "memory": workbench.memory}
    if workbench.gpus:
        mounts.append({"name": "shm", "mountPath": "/dev/shm"})
        limits[workbench.accelerator] = str(workbench.gpus)
    probe = {"httpGet": {"path": f"{workbench.prefix}/api", "port": PORT}, "periodSeconds": 10}
    return {
        "name": "workbench",
        "image": workbench.image,
        "ports": [{"name": "http", "containerPort": PORT}],
        **({"env": [{"name": "NB_PREFIX", "value": workbench.prefix}]} if workbench.prefix else {}),
        "resources": {"requests": {"cpu": workbench.cpu, "memory": workbench.memory}, "limits": limits},
        "securityContext": container_security(),
        # It may take five minutes to come up on a slow disk; after that, half a minute of silence ends it.
        "startupProbe": {**probe, "failureThreshold": 30},
        "livenessProbe": {**probe, "failureThreshold": 3},
        "readinessProbe": {**probe, "failureThreshold": 3},
        "volumeMounts": mounts,
    }
