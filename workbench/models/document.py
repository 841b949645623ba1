"""Schemas of a model's OpenAPI document, ours or one that cog has written, with what they refer to in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# How many references may follow one another.
_DEEPEST = 8


def schema_of(document: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the schema `name`, such as Input, with its properties resolved; None when the document has none."""
    schemas = document.get("components", {}).get("schemas", {})
    if name not in schemas:
        return None
    found = _resolved(schemas[name], schemas)
    properties = found.get("properties")
    if isinstance(properties, dict):
        found["properties"] = {key: _resolved(each, schemas) for key, each in properties.items()}
    if isinstance(found.get("items"), dict):
        found["items"] = _resolved(found["items"], schemas)
    return found


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return a schema with what it refers to: cog refers to an input's choices, and to a class of outputs."""
    found = dict(schema)
    parts = [*found.pop("allOf", ()), *([{"$ref": found.pop("$ref")}] if "$ref" in found else ())]
    for part in parts if depth < _DEEPEST else ():
        name = str(part.get("$ref", "")).rpartition("/")[2]
        found = {**_resolved(schemas.get(name, {}), schemas, depth + 1), **found}
    return found
