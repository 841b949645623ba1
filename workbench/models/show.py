"""A model in words and as data: what was requested, and what it gets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.models.containerfile import training_command
from workbench.models.model import Model
from workbench.models.prepare import Prepared
from workbench.table import columns

_NOTHING = "-"


def table(prepared: Prepared) -> str:
    """Return what a model requests and gets as a table."""
    return columns(("what", "requested", "gets", "source"), [*_rows(prepared)])


def as_data(prepared: Prepared) -> dict[str, Any]:
    """Return the same for programs."""
    model = prepared.model
    return {
        "name": model.name,
        "folder": prepared.parsed.folder,
        "config": model.config.as_data(),
        "resolved": model.resolved.as_data(),
        "base": prepared.kind,
        "monobase": dict(model.base.variables),
        "lock": {"kept": prepared.lock.is_kept, "digest": prepared.lock.digest} if prepared.lock else {},
        "schema": json.loads(model.schema) if model.schema else {},
    }


def _rows(prepared: Prepared) -> Iterator[tuple[str, str, str, str]]:
    config, got = prepared.model.config, prepared.model.resolved
    build = config.build
    path = "cog.yaml"

    def source(key: str) -> str:
        return f"{path}:{config.lines[key]}" if key in config.lines else ""

    yield "image", config.image or _NOTHING, prepared.model.name, source("image")
    where = f"uv's, on {prepared.selection.os}" if got.interpreter else source("build.python_version")
    yield "python", build.python_version or _NOTHING, got.interpreter or got.python, where
    yield "gpu", "yes" if build.gpu else _NOTHING, "yes" if build.gpu else "no", source("build.gpu")
    yield "cuda", build.cuda or _NOTHING, got.cuda or "none", source("build.cuda")
    yield "cudnn", build.cudnn or _NOTHING, got.cudnn or "none", source("build.cudnn")
    requested = dict(_requested(prepared.parsed.requirements))
    base = prepared.model.base
    for name, text in requested.items():
        place = "releases/compat.toml" if name in got.frameworks else ""
        if base.generation and name != "cog":
            place = "the environment" if name in base.installed else "the image's own layer"
        yield name, text, _got(got.packages, name, text), place
    if "cog" not in requested:
        yield "cog", _NOTHING, got.cog, "releases/compat.toml"
    others = len(got.packages) - len({*requested, "cog"} & got.packages.keys())
    lock = "monobase's" if prepared.lock is None else prepared.lock.name if prepared.lock.is_kept else "not kept yet"
    yield "packages", f"{len(requested)}", f"{len(requested)} and {others} that they need", lock
    for name in build.system_packages:
        yield name, "system package", "as the system has it", source("build.system_packages")
    for key in ("predict", "train"):
        if reference := getattr(config, key):
            yield key, reference, reference, source(key) or source("run")
    if training := training_command(config, weightless=bool(prepared.model.base.generation)):
        yield "training", _NOTHING, shlex.join(training), "how the image is started for it"
    yield "schema", _NOTHING, "inputs are checked" if prepared.model.schema else "none", "read from the code"
    if base.generation:
        yield "monobase", _NOTHING, f"{base.generation} {base.environment}", base.reason
    else:
        yield "base", _NOTHING, prepared.kind or "as --on names it", ""


def _got(packages: Mapping[str, str], name: str, text: str) -> str:
    """Return the version that a package has in the lock. One at an address may have another name than it seemed."""
    address = text.partition("#")[0].rpartition("@")[0] if text.count("@") else text.partition("#")[0]
    others = (f"{other} {at}" for other, at in packages.items() if "://" in text and at.startswith(address or text))
    return packages.get(name) or next(others, "none")


def _requested(requirements: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    from packaging.requirements import Requirement

    from workbench.packages import normalized_name

    for text in requirements:
        requirement = Requirement(text)
        yield normalized_name(requirement.name), str(requirement.specifier) or requirement.url or "any"


def base_line(model: Model) -> str:
    """Return, in a line, what a built model is based on."""
    return f"based on {model.base.image}: {model.base.reason}"


def image_data(model: Model) -> dict[str, Any]:
    """Return what an image's labels have of its model, for programs."""
    return {
        "image": model.name,
        "id": model.id,
        "size": model.size,
        "layers": list(model.layers),
        "config": model.config.as_data(),
        "resolved": model.resolved.as_data(),
        "on": model.base.as_data(),
        "schema": json.loads(model.schema) if model.schema else {},
        "training": training_command(model.config, weightless=bool(model.base.generation)),
    }


def image_table(model: Model) -> str:
    """Return the same as a table."""
    got, base = model.resolved, model.base
    rows = [("image", model.name), ("id", model.id), ("layers", f"{len(model.layers)}, {model.size:,} bytes")]
    rows += [(name, value) for name in ("python", "cuda", "cudnn", "cog") if (value := getattr(got, name))]
    rows += [*got.frameworks.items(), ("packages", str(len(got.packages))), ("lock", got.lock or _NOTHING)]
    rows += [(name, value) for name in ("predict", "train") if (value := getattr(model.config, name))]
    if training := training_command(model.config, weightless=bool(base.generation)):
        rows.append(("training", shlex.join(training)))
    rows += [("based on", f"{base.image}: {base.reason}")] if base.image else []
    rows += [*base.variables.items()]
    schema = json.loads(model.schema) if model.schema else {}
    schemas = schema.get("components", {}).get("schemas", {})
    inputs, trained = (list(schemas.get(name, {}).get("properties", {})) for name in ("Input", "TrainingInput"))
    rows.append(("inputs", ", ".join(inputs) or "not given by the code"))
    rows += [("training inputs", ", ".join(trained))] if trained else []
    return columns(("what", "is"), rows)
