"""A model in words and as data: what was asked for, and what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from workbench.models.model import Model
from workbench.models.prepare import Prepared
from workbench.table import columns

_NOTHING = "-"


def table(prepared: Prepared) -> str:
    """Return what a model asks for and gets as a table."""
    return columns(("what", "asked for", "gets", "says"), [*_rows(prepared)])


def as_data(prepared: Prepared) -> dict[str, Any]:
    """Return the same for programs."""
    model = prepared.model
    return {
        "name": model.name,
        "folder": prepared.read.folder,
        "config": model.config.as_data(),
        "resolved": model.resolved.as_data(),
        "base": prepared.kind,
        "monobase": dict(model.standing.variables),
        "lock": {"kept": prepared.lock.is_kept, "digest": prepared.lock.digest} if prepared.lock else {},
        "schema": json.loads(model.schema) if model.schema else {},
    }


def _rows(prepared: Prepared) -> Iterator[tuple[str, str, str, str]]:
    config, got = prepared.model.config, prepared.model.resolved
    build = config.build
    path = "cog.yaml"

    def said(key: str) -> str:
        return f"{path}:{config.lines[key]}" if key in config.lines else ""

    yield "image", config.image or _NOTHING, prepared.model.name, said("image")
    yield "python", build.python_version or _NOTHING, got.python, said("build.python_version")
    yield "gpu", "yes" if build.gpu else _NOTHING, "yes" if build.gpu else "no", said("build.gpu")
    yield "cuda", build.cuda or _NOTHING, got.cuda or "none", said("build.cuda")
    yield "cudnn", build.cudnn or _NOTHING, got.cudnn or "none", said("build.cudnn")
    asked = dict(_asked(prepared.read.asked))
    for name, text in asked.items():
        yield name, text, got.packages.get(name, "none"), "releases/compat.toml" if name in got.frameworks else ""
    if "cog" not in asked:
        yield "cog", _NOTHING, got.cog, "releases/compat.toml"
    others = len(got.packages) - len({*asked, "cog"} & got.packages.keys())
    says = "monobase's" if prepared.lock is None else "model.lock" if prepared.lock.is_kept else "not kept yet"
    yield "packages", f"{len(asked)}", f"{len(asked)} and {others} that they need", says
    for name in build.system_packages:
        yield name, "system package", "as the system has it", said("build.system_packages")
    for key in ("predict", "train"):
        if reference := getattr(config, key):
            yield key, reference, reference, said(key) or said("run")
    yield "schema", _NOTHING, "inputs are checked" if prepared.model.schema else "none", "read from the code"
    if prepared.model.standing.generation:
        standing = prepared.model.standing
        yield "monobase", _NOTHING, f"{standing.generation} {standing.environment}", standing.why
    else:
        yield "base", _NOTHING, prepared.kind or "as --on says", ""


def _asked(requirements: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    from packaging.requirements import Requirement

    from workbench.packages import normalized_name

    for text in requirements:
        requirement = Requirement(text)
        yield normalized_name(requirement.name), str(requirement.specifier) or requirement.url or "any"


def built(model: Model) -> str:
    """Return, in a line or two, what a built model stands on."""
    return f"stands on {model.standing.image}: {model.standing.why}"


def image_data(model: Model) -> dict[str, Any]:
    """Return what an image tells of its model, for programs."""
    return {
        "image": model.name,
        "id": model.id,
        "size": model.size,
        "layers": list(model.layers),
        "config": model.config.as_data(),
        "resolved": model.resolved.as_data(),
        "on": asdict(model.standing),
        "schema": json.loads(model.schema) if model.schema else {},
    }


def image_table(model: Model) -> str:
    """Return the same as a table."""
    got, on = model.resolved, model.standing
    rows = [("image", model.name), ("id", model.id), ("layers", f"{len(model.layers)}, {model.size:,} bytes")]
    rows += [(name, value) for name in ("python", "cuda", "cudnn", "cog") if (value := getattr(got, name))]
    rows += [*got.frameworks.items(), ("packages", str(len(got.packages))), ("lock", got.lock or _NOTHING)]
    rows += [(name, value) for name in ("predict", "train") if (value := getattr(model.config, name))]
    rows += [("stands on", f"{on.image}: {on.why}")] if on.image else []
    rows += [*on.variables.items()]
    schema = json.loads(model.schema) if model.schema else {}
    inputs = schema.get("components", {}).get("schemas", {}).get("Input", {}).get("properties", {})
    return columns(("what", "is"), [*rows, ("inputs", ", ".join(inputs) or "not told by the code")])
