"""A model in the labels of its image, both ways: cog's own labels, and one of ours for what was resolved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.catalog.faults import Faults
from workbench.errors import WorkbenchError
from workbench.images.labels import MODEL_LABEL
from workbench.models.containerfile import training_command
from workbench.models.load import config_of
from workbench.models.model import Model, ModelBase, Resolved
from workbench.models.yaml_nodes import parse_yaml

VERSION_LABEL, CONFIG_LABEL, SCHEMA_LABEL = "run.cog.version", "run.cog.config", "run.cog.openapi_schema"
_MONOBASE = ("generation", "environment", "variables")


def labels(model: Model) -> dict[str, str]:
    """Return the labels that describe a model on its image."""
    base = model.base.as_data()
    if not model.base.generation:
        base = {key: value for key, value in base.items() if key not in _MONOBASE}
    training = training_command(model.config, weightless=bool(model.base.generation))
    described = {**model.resolved.as_data(), "on": base} | ({"training": training} if training else {})
    found = {
        VERSION_LABEL: model.resolved.cog,
        CONFIG_LABEL: _compact(model.config.as_data()),
        MODEL_LABEL: _compact(described),
    }
    return found | ({SCHEMA_LABEL: model.schema} if model.schema else {})


def model_of(image: str, image_labels: Mapping[str, str]) -> Model:
    """Return the model that the labels of `image` describe.

    One that cog itself has built has its config and version, and no label of ours: the rest is empty.
    Raises WorkbenchError when it is not a model's image, or when a label is not valid.
    """
    if CONFIG_LABEL not in image_labels:
        raise WorkbenchError(f"{image} is not a model's image", hint=f"it has no label {CONFIG_LABEL}")
    schema = image_labels.get(SCHEMA_LABEL, "")
    for name in (CONFIG_LABEL, MODEL_LABEL, SCHEMA_LABEL):
        _object(image_labels, name, image)
    resolved = _object(image_labels, MODEL_LABEL, image)
    # JSON is YAML; keys that only cog knows are ignored: the image was built with them.
    config = config_of(parse_yaml(image_labels[CONFIG_LABEL], f"{image}: {CONFIG_LABEL}"), image, Faults())
    base = resolved.get("on")
    return Model(
        name=image,
        config=replace(config, lines={}),
        resolved=Resolved(
            **{name: _text(resolved, name) for name in ("python", "cuda", "cudnn", "lock", "interpreter")},
            cog=_text(resolved, "cog") or image_labels.get(VERSION_LABEL, ""),
            frameworks=_texts(resolved, "frameworks"),
            packages=_texts(resolved, "packages"),
            notes=_listed(resolved, "notes"),
        ),
        base=_base(base if isinstance(base, dict) else {}),
        schema=schema,
    )


def _base(data: Mapping[str, Any]) -> ModelBase:
    return ModelBase(
        **{name: _text(data, name) for name in ("image", "id", "generation", "environment")},
        reason=_text(data, "why"),
        installed=_texts(data, "held"),
        variables=_texts(data, "variables"),
    )


def _object(image_labels: Mapping[str, str], name: str, image: str) -> dict[str, Any]:
    try:
        found = json.loads(image_labels.get(name) or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WorkbenchError(f"the label {name} of {image} is not a JSON object")
    return found


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    return value if isinstance(value, str) else ""


def _texts(data: Mapping[str, Any], name: str) -> dict[str, str]:
    found = data.get(name)
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _listed(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = data.get(name)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _compact(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
