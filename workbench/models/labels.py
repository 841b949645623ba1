"""A model in the labels of its image, both ways: cog's own labels, and one of ours for what was resolved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.catalog.faults import Faults
from workbench.errors import WorkbenchError
from workbench.images.labels import MODEL_LABEL
from workbench.models.load import config_of
from workbench.models.marked import marked
from workbench.models.model import Model, Resolved, Standing

VERSION_LABEL, CONFIG_LABEL, SCHEMA_LABEL = "run.cog.version", "run.cog.config", "run.cog.openapi_schema"
_MONOBASE = ("generation", "environment", "variables")


def labels(model: Model) -> dict[str, str]:
    """Return the labels by which an image of a model is known."""
    standing = model.standing
    on = {"image": standing.image, "id": standing.id, "why": standing.why, "held": dict(standing.held)}
    if standing.generation:
        on |= {name: getattr(standing, name) for name in _MONOBASE}
    found = {
        VERSION_LABEL: model.resolved.cog,
        CONFIG_LABEL: _compact(model.config.as_data()),
        MODEL_LABEL: _compact({**model.resolved.as_data(), "on": on}),
    }
    return found | ({SCHEMA_LABEL: model.schema} if model.schema else {})


def model_of(image: str, told: Mapping[str, str]) -> Model:
    """Return the model that the labels `told` of `image` describe.

    One that cog itself has built tells its config and version, and nothing of ours: the rest is empty.
    Raises WorkbenchError when it is no model's image, or when a label is not what it should be.
    """
    if CONFIG_LABEL not in told:
        raise WorkbenchError(f"{image} is no model's image", hint=f"it has no label {CONFIG_LABEL}")
    schema = told.get(SCHEMA_LABEL, "")
    for name in (CONFIG_LABEL, MODEL_LABEL, SCHEMA_LABEL):
        _object(told, name, image)
    resolved = _object(told, MODEL_LABEL, image)
    # JSON is YAML; what cog knows and we do not is passed over, for it was built with it.
    config = config_of(marked(told[CONFIG_LABEL], f"{image}: {CONFIG_LABEL}"), image, Faults())
    on = resolved.get("on")
    return Model(
        name=image,
        config=replace(config, lines={}),
        resolved=Resolved(
            **{name: _text(resolved, name) for name in ("python", "cuda", "cudnn", "lock")},
            cog=_text(resolved, "cog") or told.get(VERSION_LABEL, ""),
            frameworks=_texts(resolved, "frameworks"),
            packages=_texts(resolved, "packages"),
            notes=_listed(resolved, "notes"),
        ),
        standing=_standing(on if isinstance(on, dict) else {}),
        schema=schema,
    )


def _standing(on: Mapping[str, Any]) -> Standing:
    return Standing(
        **{name: _text(on, name) for name in ("image", "id", "why", "generation", "environment")},
        held=_texts(on, "held"),
        variables=_texts(on, "variables"),
    )


def _object(told: Mapping[str, str], name: str, image: str) -> dict[str, Any]:
    try:
        found = json.loads(told.get(name) or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WorkbenchError(f"the label {name} of {image} is no JSON object")
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
