"""Definitions of Kubeflow's resources for an API server, made from the schemas that the tests have of them."""

from __future__ import annotations

from typing import Any

from tests.export.kubeflow_schema import NOTEBOOK, WORKSPACE_KIND

Document = dict[str, Any]


def definitions() -> list[Document]:
    """Return the definitions of Notebook (v1, of a namespace) and WorkspaceKind (v1beta1, of the cluster)."""
    return [
        _definition("Notebook", "notebooks", "v1", "Namespaced", NOTEBOOK),
        _definition("WorkspaceKind", "workspacekinds", "v1beta1", "Cluster", WORKSPACE_KIND),
    ]


def _definition(kind: str, plural: str, version: str, scope: str, schema: Document) -> Document:
    spec = structural(schema["properties"]["spec"])
    whole = {"type": "object", "properties": {"spec": spec}, "required": ["spec"]}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.kubeflow.org"},
        "spec": {
            "group": "kubeflow.org",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": scope,
            "versions": [served],
        },
    }


def structural(schema: Document) -> Document:
    """Return a JSON schema as a definition takes it: structural, and without words that OpenAPI 3.0 has not.

    What is not known is refused by a server-side apply in any case, so `additionalProperties` has nothing to say.
    """
    if set(schema) <= {"type", "required"}:
        # Kubernetes' own objects, of which the schema says no more; a constant has a type of its own.
        return {**schema, "x-kubernetes-preserve-unknown-fields": True} if "type" not in schema else _open(schema)
    if "oneOf" in schema:
        each = [structural(one) for one in schema["oneOf"]]
        fields = {name: value for one in each for name, value in one["properties"].items()}
        return {
            "type": "object",
            "properties": fields,
            "oneOf": [{"required": one["required"]} for one in each],
        }
    found = {key: value for key, value in schema.items() if key not in ("additionalProperties", "const")}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if "enum" in found:
        found["type"] = "boolean" if isinstance(found["enum"][0], bool) else "string"
    if "properties" in schema:
        found["properties"] = {name: structural(value) for name, value in schema["properties"].items()}
    if "items" in schema:
        found["items"] = structural(schema["items"])
    return found


def _open(schema: Document) -> Document:
    """Return the schema of a value of a type: an object may have any fields, and a list any items."""
    if schema["type"] == "object":
        return {**schema, "x-kubernetes-preserve-unknown-fields": True}
    if schema["type"] == "array":
        return {**schema, "items": {"x-kubernetes-preserve-unknown-fields": True}}
    return schema
