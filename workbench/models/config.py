"""The contents of a cog.yaml, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FILE = "cog.yaml"


@dataclass(frozen=True, slots=True)
class SecretMount:
    """A secret that is available to a run step only: its id, and the file that holds it while the step runs."""

    id: str
    target: str


@dataclass(frozen=True, slots=True)
class RunStep:
    """A command of the build, the secrets that are available while it runs, and flags of its RUN (`--mount=…`)."""

    command: str
    mounts: tuple[SecretMount, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Files that a model needs and its image has not: where they come from, and where the model expects them."""

    name: str
    target: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """How the image is to be built; "" and () where nothing is given.

    `python_version` and `cuda` are as they were written ("3.11" or "3.11.4", "12.4" or "12.4.1"), `sdk_version` is
    that of the server, and `python_overrides` a file of requirements that replace those of packages.
    `pre_install` comes before the Python packages, `run` after them.
    """

    gpu: bool = False
    cuda: str = ""
    cudnn: str = ""
    python_version: str = ""
    python_packages: tuple[str, ...] = ()
    python_requirements: str = ""
    python_overrides: str = ""
    sdk_version: str = ""
    system_packages: tuple[str, ...] = ()
    pre_install: tuple[RunStep, ...] = ()
    run: tuple[RunStep, ...] = ()


@dataclass(frozen=True, slots=True)
class CogConfig:
    """A whole cog.yaml.

    `concurrency` is how many predictions run at once, 0 where it is not given; `predict` and `train` are
    `file.py:Name`; `image` is a name, whether it was given as `image` or as `model`; `traces` is `observability.traces`
    as texts, and `traces_config` the file that sets it up. `lines` has the line of each key, by its path
    ("build.cuda").
    """

    build: BuildConfig = field(default_factory=BuildConfig)
    predict: str = ""
    train: str = ""
    image: str = ""
    concurrency: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    weights: tuple[Weights, ...] = ()
    traces: Mapping[str, str] = field(default_factory=dict)
    traces_config: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int:
        """Return the line of the key at `path`, of the nearest one above it, or 1."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 1)

    def _observability(self) -> dict[str, Any]:
        found: dict[str, Any] = {"config": self.traces_config} if self.traces_config else {}
        if self.traces:
            found["traces"] = {**self.traces, "enabled": self.traces["enabled"] == "true"}
        return found

    def as_data(self) -> dict[str, Any]:
        """Return it as cog.yaml has it, without what is not given: what the image's label holds."""
        build = {
            "gpu": self.build.gpu,
            "cuda": self.build.cuda,
            "cudnn": self.build.cudnn,
            "python_version": self.build.python_version,
            "python_packages": list(self.build.python_packages),
            "python_requirements": self.build.python_requirements,
            "python_overrides": self.build.python_overrides,
            "sdk_version": self.build.sdk_version,
            "system_packages": list(self.build.system_packages),
            "pre_install": [_step(step) for step in self.build.pre_install],
            "run": [_step(step) for step in self.build.run],
        }
        whole = {
            "build": {key: value for key, value in build.items() if value},
            "predict": self.predict,
            "train": self.train,
            "image": self.image,
            "concurrency": {"max": self.concurrency} if self.concurrency else {},
            "environment": [f"{name}={value}" for name, value in self.environment.items()],
            "weights": [_weights(each) for each in self.weights],
            "observability": self._observability(),
        }
        return {key: value for key, value in whole.items() if value}


def _weights(weights: Weights) -> dict[str, Any]:
    named = {"name": weights.name, "target": weights.target}
    found = {key: value for key, value in named.items() if value}
    return {**found, "source": [{"uri": uri} for uri in weights.sources]}


def _step(step: RunStep) -> str | dict[str, Any]:
    if not step.mounts:
        return step.command
    mounts = [{"type": "secret", "id": mount.id, "target": mount.target} for mount in step.mounts]
    return {"command": step.command, "mounts": mounts}
