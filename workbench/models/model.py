"""A model: its cog.yaml, and what that was resolved to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.models.config import CogConfig


@dataclass(frozen=True, slots=True)
class ModelBase:
    """The base image of a model: its name and id, the reason for choosing it, and the packages that it brings.

    `installed` are those of the lock that it has already, by name; `generation` and `environment` are those
    of monobase that a weightless model runs on, and `variables` name them to it.
    """

    image: str
    id: str
    reason: str
    installed: Mapping[str, str] = field(default_factory=dict)
    generation: str = ""
    environment: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Return it as the image's label and `--json` have it."""
        return {
            "image": self.image,
            "id": self.id,
            "why": self.reason,
            "held": dict(self.installed),
            "generation": self.generation,
            "environment": self.environment,
            "variables": dict(self.variables),
        }


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a cog.yaml was resolved to.

    Versions, "" where there is none: `python` is "3.11", `cuda` and `cudnn` are those that the packages (or the base)
    bring, `interpreter` is the Python in full that the image gets beside its system's. `frameworks` are torch and the
    like, `packages` the whole lock, by name; `lock` is the digest of the lock; `notes` are what the user should know.
    """

    python: str
    cuda: str
    cudnn: str
    cog: str
    frameworks: Mapping[str, str]
    packages: Mapping[str, str]
    lock: str
    notes: tuple[str, ...] = ()
    interpreter: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return it as the image's label and `--json` have it."""
        return {
            "python": self.python,
            "cuda": self.cuda,
            "cudnn": self.cudnn,
            "cog": self.cog,
            "frameworks": dict(self.frameworks),
            "packages": dict(self.packages),
            "lock": self.lock,
            "notes": list(self.notes),
            **({"interpreter": self.interpreter} if self.interpreter else {}),
        }


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its image's name, configuration, resolved versions and base, and the layers once it is built.

    `schema` is the OpenAPI document of its predictions, "" when the code alone does not give it.
    """

    name: str
    config: CogConfig
    resolved: Resolved
    base: ModelBase
    schema: str = ""
    id: str = ""
    layers: tuple[str, ...] = ()
    size: int = 0
