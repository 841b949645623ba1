"""What is made of a version: a template with its Pod's spec, a Secret with what is secret, a Service of its set."""

from __future__ import annotations

import base64
import json
from typing import Any

from workbench.replicasets.engines.kubernetes import naming
from workbench.replicasets.engines.kubernetes.placing import Placing
from workbench.replicasets.engines.protocol import ContainerSpec

Json = dict[str, Any]
# The key of a Secret in which labels are kept. No variable is called that: one begins with a letter.
PRIVATE = ".labels"
# The group of what images of recipes write (docs/access.md); any other user of an image is given it beside its own.
_GROUP = 1001
# Of this name an engine's own hook gives GPUs out. The device plugin sets it where GPUs are counted.
_VISIBLE = "NVIDIA_VISIBLE_DEVICES="


def template(spec: ContainerSpec, resource: str, placing: Placing) -> Json:
    """Return the PodTemplate of a version; `resource` is what GPUs are called, `placing` what the cluster wants."""
    metadata = naming.metadata(spec.name, spec.labels, spec.private)
    metadata["labels"] |= {naming.SET: naming.set_of(spec.name)}
    return {
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": metadata,
        "template": {"metadata": {"labels": metadata["labels"]}, "spec": _pod_spec(spec, resource, placing)},
    }


def pod(template: Json) -> Json:
    """Return the Pod of a template."""
    metadata = template["metadata"]
    made = template["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": metadata["name"],
            "labels": made["metadata"]["labels"],
            # What the version is stands on the Pod too, for whoever looks at that.
            "annotations": naming.labels_of(template),
            "ownerReferences": [_owner(template)],
        },
        "spec": made["spec"],
    }


def secret(spec: ContainerSpec, template: Json) -> Json:
    """Return the Secret of a version: its variables, and the labels that have them too."""
    values = dict(each.partition("=")[::2] for each in spec.secrets)
    private = {key: spec.labels[key] for key in spec.private if key in spec.labels}
    metadata = naming.metadata(spec.name, {}) | {"ownerReferences": [_owner(template)]}
    metadata["labels"] |= {naming.SET: naming.set_of(spec.name)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "data": {key: _encoded(text) for key, text in (values | {PRIVATE: json.dumps(private)}).items()},
    }


def private_labels(secret: Json) -> dict[str, str]:
    """Return the labels that the Secret of a version keeps."""
    text = (secret.get("data") or {}).get(PRIVATE, "")
    return dict(json.loads(base64.b64decode(text))) if text else {}


def service(name: str, ports: list[Json]) -> Json:
    """Return the Service of a set, with those ports of its Pod's container."""
    labels = {naming.MANAGED: naming.US, naming.SET: name}
    numbers = [{key: each[key] for key in ("name", "protocol")} | {"port": each["containerPort"]} for each in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {"type": "ClusterIP", "selector": labels, "ports": numbers},
    }


def _owner(template: Json) -> Json:
    """Return what makes Kubernetes remove an object when the template is removed past us."""
    metadata = template["metadata"]
    return {"apiVersion": "v1", "kind": "PodTemplate", "name": metadata["name"], "uid": metadata["uid"]}


def _pod_spec(spec: ContainerSpec, resource: str, placing: Placing) -> Json:
    security: Json = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if spec.binds:
        security |= {"fsGroup": _GROUP, "fsGroupChangePolicy": "OnRootMismatch"}
    volumes, mounts = _volumes(spec, placing.shm)
    limits = _limits(spec, resource)
    container: Json = {
        "name": "main",
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        "env": _variables(spec, placing),
        "ports": _ports(spec),
        # What is used is what was requested: nobody is evicted for what he was promised.
        "resources": {"limits": limits, "requests": limits},
        "volumeMounts": mounts,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if spec.command:
        container["args"] = [_literal(each) for each in spec.command]
    return {
        **placing.pod,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": spec.grace,
        "securityContext": security,
        "containers": [container],
        "volumes": volumes,
    }


def _volumes(spec: ContainerSpec, shm: str) -> tuple[list[Json], list[Json]]:
    size = str(spec.shm) if spec.shm else shm
    memory: Json = {"medium": "Memory", **({"sizeLimit": size} if size else {})}
    volumes: list[Json] = [{"name": "shm", "emptyDir": memory}]
    mounts: list[Json] = [{"name": "shm", "mountPath": "/dev/shm"}]
    # A claim is one volume of a Pod, however often it is mounted.
    for claim in sorted({bind.src for bind in spec.binds}):
        volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": claim}})
    for bind in spec.binds:
        mounts.append({"name": bind.src, "mountPath": bind.dest, "readOnly": bind.read_only})
    return volumes, mounts


def _limits(spec: ContainerSpec, resource: str) -> Json:
    limits: Json = {"cpu": f"{spec.cpus}m"} if spec.cpus else {}
    limits |= {"memory": str(spec.memory)} if spec.memory else {}
    return limits | ({resource: str(len(spec.gpus))} if spec.gpus else {})


def _ports(spec: ContainerSpec) -> list[Json]:
    return [
        {
            "name": f"{port.protocol}-{port.container}",
            "containerPort": port.container,
            "protocol": port.protocol.upper(),
        }
        for port in spec.ports
    ]


def _variables(spec: ContainerSpec, placing: Placing) -> list[Json]:
    own = {each.partition("=")[0] for each in spec.secrets}
    given = [each for each in placing.variables(spec.env) if each.partition("=")[0] not in own]
    found = [each.partition("=")[::2] for each in given if not (spec.gpus and each.startswith(_VISIBLE))]
    plain: list[Json] = [{"name": name, "value": _literal(value)} for name, value in found]
    names = [each.partition("=")[0] for each in spec.secrets]
    return plain + [{"name": name, "valueFrom": {"secretKeyRef": {"name": spec.name, "key": name}}} for name in names]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _literal(text: str) -> str:
    """Return a text in which the cluster expands nothing: `$(NAME)` is a variable to it, `$$(NAME)` is not."""
    return text.replace("$(", "$$(")
