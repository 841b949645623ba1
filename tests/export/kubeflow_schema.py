"""What Kubeflow's API servers accept, as JSON schemas: fields, their limits, and nothing that is not known.

Written from the types of kubeflow/notebooks, workspaces/controller/api/v1beta1/workspacekind_types.go at commit
000eaaac8a07 (v1beta1, read 2026-11-29), and from the CRD of kubeflow/kubeflow,
components/notebook-controller/config/crd/bases/kubeflow.org_notebooks.yaml at commit 0708d13821a2 (v1). Fields that are
Kubernetes' own (a pod, a probe, a volume, …) are held to the schemas of kubernetes_validate.
"""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate

Schema = dict[str, Any]
# What Kubernetes' own schemas say more about, see `pod_of`.
OF_KUBERNETES: Schema = {}
DNS = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
# Ids of ports are part of addresses.
PORT_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 32, "pattern": "^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"}


def text(least: int, most: int, **more: object) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": most, **more}


def fields(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def listed(item: Schema, least: int = 0, most: int = 10_000) -> Schema:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


ASSET = {
    "oneOf": [
        fields({"url": {"type": "string"}}),
        fields(
            {
                "configMap": fields(
                    {
                        "name": text(1, 253, pattern=DNS),
                        "namespace": text(1, 63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
                        "key": text(1, 253, pattern="^[-._a-zA-Z0-9]+$"),
                        "mediaType": {"enum": ["image/svg+xml"]},
                    }
                )
            }
        ),
    ]
}
OPTION = fields(
    {"displayName": text(2, 128)},
    {
        "description": text(2, 1024),
        "labels": listed(fields({"key": text(2, 64), "value": text(1, 64)}), most=32),
        "hidden": {"type": "boolean"},
    },
)
REDIRECT = fields(
    {"to": text(1, 256)},
    {"message": fields({"level": {"enum": ["Info", "Warning", "Danger"]}, "text": text(2, 1024)})},
)
IMAGE = fields(
    {
        "image": {"type": "string", "minLength": 2},
        "ports": listed(
            fields(
                {"id": PORT_ID, "port": {"type": "integer", "minimum": 1, "maximum": 65535}},
                {"displayName": text(2, 64)},
            ),
            least=1,
        ),
    },
    {"imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]}},
)
SIZE = fields(
    {},
    {
        "affinity": OF_KUBERNETES,
        "nodeSelector": OF_KUBERNETES,
        "tolerations": OF_KUBERNETES,
        "resources": OF_KUBERNETES,
        "schedulerName": text(1, 253, pattern=DNS),
    },
)


def options(spec: Schema) -> Schema:
    value = fields({"id": text(1, 256), "spawner": OPTION, "spec": spec}, {"redirect": REDIRECT})
    return fields({"spawner": fields({"default": text(1, 256)}), "values": listed(value, least=1)})


ACTIVITY = fields(
    {},
    {
        "minProbeIntervalSeconds": {"type": "integer", "minimum": 1, "maximum": 31536000},
        "probeIntervalSeconds": {"type": "integer", "minimum": 1, "maximum": 31536000},
        "podExec": fields({"script": text(1, 2048)}, {"timeoutSeconds": {"type": "integer", "minimum": 1}}),
        "jupyter": fields({"lastActivity": {"const": True}, "portId": PORT_ID}),
    },
)
POD_TEMPLATE = fields(
    {
        "volumeMounts": fields({"home": text(2, 4096, pattern="^/[^/].*$")}),
        "ports": listed(
            fields(
                {"id": PORT_ID, "protocol": {"enum": ["HTTP"]}, "defaultDisplayName": text(2, 64)},
                {"httpProxy": OF_KUBERNETES},
            ),
            least=1,
        ),
        "options": fields({"imageConfig": options(IMAGE), "podConfig": options(SIZE)}),
    },
    {
        "podMetadata": OF_KUBERNETES,
        "statefulSetMetadata": OF_KUBERNETES,
        "serviceAccount": OF_KUBERNETES,
        "activityProbe": ACTIVITY,
        "probes": fields({}, dict.fromkeys(("startupProbe", "livenessProbe", "readinessProbe"), OF_KUBERNETES)),
        "extraEnv": OF_KUBERNETES,
        "extraVolumeMounts": OF_KUBERNETES,
        "extraVolumes": OF_KUBERNETES,
        "securityContext": OF_KUBERNETES,
        "containerSecurityContext": OF_KUBERNETES,
        "schedulerName": text(1, 253, pattern=DNS),
    },
)
WORKSPACE_KIND = fields(
    {
        "apiVersion": {"const": "kubeflow.org/v1beta1"},
        "kind": {"const": "WorkspaceKind"},
        # Of the cluster, so without a namespace.
        "metadata": fields({"name": text(1, 253, pattern=DNS)}),
        "spec": fields(
            {
                "spawner": fields(
                    {"displayName": text(2, 128), "description": text(2, 4096), "icon": ASSET, "logo": ASSET},
                    {
                        "hidden": {"type": "boolean"},
                        "deprecated": {"type": "boolean"},
                        "deprecationMessage": text(2, 256),
                    },
                ),
                "podTemplate": POD_TEMPLATE,
            },
            {"activityRules": {"type": "array"}, "filterRules": {"type": "array"}},
        ),
    }
)
NOTEBOOK = fields(
    {
        "apiVersion": {"const": "kubeflow.org/v1"},
        "kind": {"const": "Notebook"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": fields({"template": fields({"spec": {"type": "object", "required": ["containers"]}})}),
    }
)


def check_workspace_kind(document: Schema) -> None:
    """Hold a WorkspaceKind to the schema and to what its webhook refuses."""
    jsonschema.validate(document, WORKSPACE_KIND)
    template = document["spec"]["podTemplate"]
    for name in ("imageConfig", "podConfig"):
        found = template["options"][name]
        values = {value["id"]: value for value in found["values"]}
        assert len(values) == len(found["values"]), f"{name} has an id twice"
        assert found["spawner"]["default"] in values
        for start in values:
            seen, each = {start}, values[start]
            while target := each.get("redirect", {}).get("to"):
                assert target in values, f"{start} redirects to {target}, which is not there"
                assert target not in seen, f"{start} redirects in a circle"
                seen.add(target)
                each = values[target]
    defined = {port["id"] for port in template["ports"]}
    for value in template["options"]["imageConfig"]["values"]:
        ports = value["spec"]["ports"]
        assert {port["id"] for port in ports} <= defined
        assert len({port["port"] for port in ports}) == len(ports)
    for size in template["options"]["podConfig"]["values"]:
        check_pod(pod_of(template, size["spec"]))


def check_notebook(document: Schema) -> None:
    """Hold a Notebook to the schema: its pod is Kubernetes' own."""
    jsonschema.validate(document, NOTEBOOK)
    spec = document["spec"]["template"]["spec"]
    assert all(container.get("image") for container in spec["containers"])
    check_pod(spec)


def check_pod(spec: Schema) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def pod_of(template: Schema, size: Schema) -> Schema:
    """Return the pod that the controller makes of a template and a size, as far as the parts are Kubernetes' own."""
    container = {
        "name": "main",
        "image": "x",
        "env": template.get("extraEnv", []),
        "volumeMounts": [
            {"name": "home", "mountPath": template["volumeMounts"]["home"]},
            *template.get("extraVolumeMounts", []),
        ],
        "securityContext": template.get("containerSecurityContext", {}),
        "resources": size.get("resources", {}),
        **template.get("probes", {}),
    }
    home = {"name": "home", "persistentVolumeClaim": {"claimName": "home"}}
    return {
        "containers": [container],
        "volumes": [home, *template.get("extraVolumes", [])],
        "securityContext": template.get("securityContext", {}),
        "tolerations": size.get("tolerations", []),
        "nodeSelector": size.get("nodeSelector", {}),
    }
