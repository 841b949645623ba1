"""A workbench for Kubernetes: a stateful set or a pod, its volume, its token, its service and who may connect to it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from workbench.catalog.bases import NVIDIA
from workbench.cluster_quantity import MOST
from workbench.errors import UsageError
from workbench.export.amounts import check_bytes, check_cores
from workbench.export.site import Site, check_namespace, check_object, label_value

# The contract of an image: it listens there, and this folder is the user's own.
PORT = 8888
HOME = "/opt/app-root/src"
USER = 1001
POD = "Pod"
KINDS = ("StatefulSet", POD)
# RFC 1035, for the service; a stateful set appends the number of the pod, and a hash to its revisions (63 in all).
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,50}[a-z0-9])?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True)
class Workbench:
    """A workbench to create: `prefix` is the path it serves below (NB_PREFIX), "" for the root.

    With `own_user` it runs as the image's user; without, as whoever the platform picks, as
    OpenShift wants it. `kind` is one of KINDS; `accelerator` is what the cluster calls its GPUs. `secret` is the Secret
    whose key `token` opens it, "" where the platform decides; with `token`, it is written with that. `claim` is a
    volume claim that exists. `version` is the release and date of the image.
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
    secret: str = ""
    token: str = field(default="", repr=False)
    claim: str = ""
    version: str = ""
    site: Site = field(default_factory=Site)


def check_workbench(workbench: Workbench) -> Workbench:
    """Return `workbench` when Kubernetes accepts its names and amounts; raises UsageError otherwise."""
    if not _NAME.fullmatch(workbench.name):
        hint = "a-z, 0-9, hyphens, a letter first; at most 52"
        raise UsageError(f"{workbench.name!r} cannot be the name of a workbench", hint=hint)
    if workbench.namespace:
        check_namespace(workbench.namespace)
    for what, name in (("secret", workbench.secret), ("claim", workbench.claim)):
        if name:
            check_object(f"the {what} of a workbench", name)
    check_bytes("--size", workbench.storage)
    check_bytes("--memory", workbench.memory)
    check_cores("--cpu", workbench.cpu)
    if not _PREFIX.fullmatch(workbench.prefix):
        raise UsageError(f"{workbench.prefix!r} is no path", hint="write it as /notebook/team/mine")
    if not 0 <= workbench.gpus <= MOST:
        raise UsageError("--gpus needs a number from 0 on")
    return workbench


def manifests(workbench: Workbench) -> list[dict[str, Any]]:
    """Return the manifests of `workbench`: token, volume claim, network policy, service, stateful set or pod."""
    labels, named = selector(workbench), metadata(workbench)
    ports = [{"name": "http", "protocol": "TCP", "port": PORT, "targetPort": "http"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": {"selector": labels, "ports": ports}}
    spec = pod_spec(workbench)
    # A volume of the claim, and no template for claims: those of a stateful set cannot be changed, or grow.
    spec["volumes"] = [home_volume(workbench), *spec.get("volumes", ())]
    found = [*_secret(workbench), *claim_manifests(workbench), _network_policy(workbench), service]
    if workbench.kind == POD:
        return [*found, {"apiVersion": "v1", "kind": POD, "metadata": named, "spec": spec}]
    # Names in Service and StatefulSet agree: that gives the pod a name of its own in DNS.
    stateful = {
        "replicas": 1,
        "serviceName": workbench.name,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": named["labels"]}, "spec": spec},
    }
    return [*found, {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": named, "spec": stateful}]


def selector(workbench: Workbench) -> dict[str, str]:
    """Return the labels by which the pod of `workbench` is found; a pod and a stateful set of one name differ."""
    return {**_instance(workbench), "app.kubernetes.io/component": workbench.kind.lower()}


def _instance(workbench: Workbench) -> dict[str, str]:
    return {"app.kubernetes.io/name": "workbench-images", "app.kubernetes.io/instance": workbench.name}


def metadata(workbench: Workbench, name: str = "") -> dict[str, Any]:
    """Return the name, namespace and labels that the manifests of `workbench` have, or that of another name."""
    # The longest names of releases go into no label.
    version = {"app.kubernetes.io/version": value} if (value := label_value(workbench.version)) else {}
    labels = {**selector(workbench), **version, "app.kubernetes.io/managed-by": "workbench-images"}
    where = {"namespace": workbench.namespace} if workbench.namespace else {}
    return {"name": name or workbench.name, **where, "labels": labels}


def claim_manifests(workbench: Workbench) -> list[dict[str, Any]]:
    """Return the claim of the user's volume, of the workbench's name; none where there is one already."""
    if workbench.claim:
        return []
    wanted = {"storageClassName": workbench.site.storage_class} if workbench.site.storage_class else {}
    spec = {"accessModes": ["ReadWriteOnce"], **wanted, "resources": {"requests": {"storage": workbench.storage}}}
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata(workbench), "spec": spec}]


def home_volume(workbench: Workbench) -> dict[str, Any]:
    """Return the user's volume as pods name it."""
    return {"name": "home", "persistentVolumeClaim": {"claimName": workbench.claim or workbench.name}}


def _secret(workbench: Workbench) -> list[dict[str, Any]]:
    if not workbench.token:
        return []
    # Not as `stringData`, which an API server forgets: kubectl would find it changed each time.
    named, data = metadata(workbench, workbench.secret), {"token": b64encode(workbench.token.encode()).decode()}
    return [{"apiVersion": "v1", "kind": "Secret", "metadata": named, "type": "Opaque", "data": data}]


def _network_policy(workbench: Workbench) -> dict[str, Any]:
    """Return who may connect: nobody but those that the site allows. Probes and port-forward go through the node.

    It is for pods of either kind: one of the same name and the other kind would take this policy away from them.
    """
    allowed = [dict(each) for each in workbench.site.allow_from]
    ingress = [{"from": allowed, "ports": [{"protocol": "TCP", "port": PORT}]}] if allowed else []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(workbench),
        "spec": {
            "podSelector": {"matchLabels": _instance(workbench)},
            "policyTypes": ["Ingress"],
            **({"ingress": ingress} if ingress else {}),
        },
    }


def pod_security(*, own_user: bool) -> dict[str, Any]:
    """Return the security context of a pod: no root; the image's user, or whoever the platform picks."""
    user: dict[str, Any] = {"runAsUser": USER, "runAsGroup": 0, "fsGroup": USER} if own_user else {}
    # Else a volume with many files takes minutes at each start.
    user |= {"fsGroupChangePolicy": "OnRootMismatch"} if own_user else {}
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **user}


def container_security() -> dict[str, Any]:
    """Return the security context of a container: no privileges."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def pod_spec(workbench: Workbench) -> dict[str, Any]:
    """Return the pod: no root, no privileges, nothing of the cluster's own reachable from it."""
    site = workbench.site
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        # Variables of other services are nothing to an image: NOTEBOOK_PORT=tcp://…
        "enableServiceLinks": False,
        "securityContext": pod_security(own_user=workbench.own_user),
        "containers": [_container(workbench)],
    }
    spec |= site.pod_fields()
    if _has_shm(workbench):
        size = {"sizeLimit": site.shm} if site.shm else {}
        spec["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory", **size}}]
    return spec


def _has_shm(workbench: Workbench) -> bool:
    # PyTorch's loaders hand data over through shared memory, and 64 MB, the default, do not do.
    return bool(workbench.gpus or workbench.site.shm)


def _environment(workbench: Workbench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": name, "value": text} for name, text in workbench.site.env.items()]
    if workbench.prefix:
        found.append({"name": "NB_PREFIX", "value": workbench.prefix})
    if workbench.secret:
        token = {"secretKeyRef": {"name": workbench.secret, "key": "token"}}
        found.append({"name": "WORKBENCH_TOKEN", "valueFrom": token})
    return found


def _container(workbench: Workbench) -> dict[str, Any]:
    mounts = [{"name": "home", "mountPath": HOME}]
    limits: dict[str, str] = {"cpu": workbench.cpu, "memory": workbench.memory}
    if _has_shm(workbench):
        mounts.append({"name": "shm", "mountPath": "/dev/shm"})
    if workbench.gpus:
        limits[workbench.accelerator] = str(workbench.gpus)
    probe = {"httpGet": {"path": f"{workbench.prefix}/api", "port": PORT}, "periodSeconds": 10}
    return {
        "name": "workbench",
        "image": workbench.image,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        **({"env": environment} if (environment := _environment(workbench)) else {}),
        "resources": {"requests": {"cpu": workbench.cpu, "memory": workbench.memory}, "limits": limits},
        "securityContext": container_security(),
        # It may take five minutes to come up on a slow disk; after that, half a minute of silence ends it.
        "startupProbe": {**probe, "failureThreshold": 30},
        "livenessProbe": {**probe, "failureThreshold": 3},
        "readinessProbe": {**probe, "failureThreshold": 3},
        "volumeMounts": mounts,
    }
