"""Reading a cog.yaml strictly: every key known, every value of its type, every fault with its line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from workbench.catalog.faults import Faults
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.models import rules
from workbench.models.config import FILE, BuildConfig, CogConfig, Weights
from workbench.models.reader import Reader
from workbench.models.yaml_nodes import LIST, MAP, TEXT, Node, read_yaml

_TOP = (
    *("build", "predict", "run", "train", "image", "model", "concurrency", "environment"),
    *("observability", "weights", "tests"),
)
_BUILD = (
    *("gpu", "cuda", "cudnn", "python_version", "python_packages", "python_requirements", "python_overrides"),
    *("sdk_version", "system_packages", "pre_install", "run", "fast"),
)
_TRACES = ("enabled", "sampler", "sampler_arg", "trace_header", "trace_header_format")
# Keys that are not supported here: an error is better than ignoring them.
_REFUSED = {
    "build.environment": "is not supported: write variables into the list `environment` at the top",
}
# What is read and has no effect, and why: cog's pushes, one platform's scaling, and tests of its command line.
_NO_EFFECT = {
    "build.fast": "it is about how cog pushes",
    "concurrency.default_target": "it is for a platform's scaling",
    "tests": "they are for cog's own commands",
}


def read_config(folder: str, faults: Faults) -> CogConfig:
    """Return the configuration in the cog.yaml in `folder`; wrong values go to `faults`, and are left out.

    Raises WorkbenchError when there is none, or when it is not YAML.
    """
    path = os.path.join(folder, FILE)
    if not os.path.isfile(path):
        hint = f"`{here(f'model init {shlex.quote(folder)}')}` makes one"
        raise WorkbenchError(f"there is no {FILE}", where=folder, hint=hint)
    return config_of(read_yaml(path), path, faults)


def config_of(root: Node, where: str, faults: Faults) -> CogConfig:
    """Return the configuration of a cog.yaml's root node; `where` is its path.

    The keys are those of cog 0.23.1 (its docs/yaml.md and JSON schema, checked 2026-11-30), and those of earlier ones.
    """
    reader = Reader(where, faults, _REFUSED)
    top = reader.map(root, "", _TOP)
    build = reader.map(top.get("build"), "build", _BUILD)
    if "predict" in top and "run" in top:
        reader.fault("run", "predict and run are two names of one key: take one of them")
    if "image" in top and "model" in top:
        reader.fault("model", "image and model both name the image: take one of them")
    concurrency = reader.map(top.get("concurrency"), "concurrency", ("max", "default_target"))
    reader.count(concurrency, "concurrency.default_target")
    reader.truth(build, "build.fast")
    watched = reader.map(top.get("observability"), "observability", ("traces", "config"))
    variables = reader.texts(top, "environment", rules.variable)
    environment = dict(text.partition("=")[::2] for text in variables)
    if len(environment) != len(variables):
        reader.fault("environment", "a variable is set twice")
    return CogConfig(
        build=BuildConfig(
            gpu=reader.truth(build, "build.gpu"),
            cuda=reader.version(build, "build.cuda", rules.cuda),
            cudnn=reader.version(build, "build.cudnn", rules.cudnn),
            python_version=reader.version(build, "build.python_version", rules.python_version),
            python_packages=reader.texts(build, "build.python_packages", rules.python_package),
            python_requirements=_plain(reader.text(build, "build.python_requirements", rules.file)),
            python_overrides=_plain(reader.text(build, "build.python_overrides", rules.file)),
            sdk_version=reader.version(build, "build.sdk_version", rules.sdk_version),
            system_packages=reader.texts(build, "build.system_packages", rules.system_package),
            pre_install=reader.steps(build, "build.pre_install"),
            run=reader.steps(build, "build.run"),
        ),
        predict=_plain(reader.text(top, "predict", rules.reference) or reader.text(top, "run", rules.reference)),
        train=_plain(reader.text(top, "train", rules.reference)),
        image=reader.text(top, "image", rules.image) or reader.text(top, "model", rules.repository),
        concurrency=reader.count(concurrency, "concurrency.max"),
        environment=environment,
        weights=tuple(_weights(reader, top)),
        traces=_traces(reader, watched),
        traces_config=_plain(reader.text(watched, "observability.config", rules.file)),
        lines=reader.lines,
    )


def no_effect(config: CogConfig) -> list[str]:
    """Return, in words, which keys of a cog.yaml are read and change nothing."""
    return [f"{key} has no effect here: {why}" for key, why in _NO_EFFECT.items() if key in config.lines]


def _weights(reader: Reader, top: dict[str, Node]) -> Iterator[Weights]:
    """Yield the weights: a source is an address, a map with `uri`, or several of these."""
    for item in reader.items(top, "weights"):
        inside = reader.map(item, "weights[]", ("name", "target", "source"))
        source = inside.get("source")
        several = source.items if source is not None and source.kind == LIST else (source,) if source else ()
        found = []
        for each in several:
            if each.kind == MAP:
                one = reader.map(each, "weights[].source", ("uri", "include", "exclude"))
                each = one.get("uri", each)
            if each.kind == TEXT and each.text and each.text.isprintable():
                found.append(each.text)
            else:
                reader.fault("weights", "a source of weights must be an address, or a map with uri", each.line)
        target = reader.text(inside, "weights[].target", rules.weights_target)
        if found and (target or "target" not in inside):
            yield Weights(reader.text(inside, "weights[].name", rules.weights_name), target, tuple(found))
        elif item.kind == MAP and not found:
            reader.fault("weights", "weights need a source", item.line)


def _traces(reader: Reader, values: dict[str, Node]) -> dict[str, str]:
    if "traces" not in values:
        return {}
    inside = reader.map(values["traces"], "observability.traces", _TRACES)
    found = {"enabled": "true" if reader.truth(inside, "observability.traces.enabled") else "false"}
    for key in _TRACES[1:]:
        if text := reader.version(inside, f"observability.traces.{key}", rules.trace):
            found[key] = text
    return found


def _plain(path: str) -> str:
    """Return a path without `./` before it."""
    return path.removeprefix("./")
