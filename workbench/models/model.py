"""A model: what its cog.yaml says, and what that was resolved to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.models.config import Config


@dataclass(frozen=True, slots=True)
class Standing:
    """The image that a model stands on: its name and id, why that one, and the packages that it brings.

    `held` are those of the lock that need no installing, by name; `generation` and `environment` say
    what of monobase a weightless model runs on, and `variables` are what tells it so.
    """

    image: str
    id: str
    why: str
    held: Mapping[str, str] = field(default_factory=dict)
    generation: str = ""
    environment: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a cog.yaml was resolved to.

    Versions, "" where there is none: `python` is "3.11", `cuda` and `cudnn` are those that the
    packages (or the base) bring. `frameworks` are torch and the like, `packages` the whole lock, by
    name; `lock` is the digest of the lock; `notes` are what the user should know.
    """

    python: str
    cuda: str
    cudnn: str
    cog: str
    frameworks: Mapping[str, str]
    packages: Mapping[str, str]
    lock: str
    notes: tuple[str, ...] = ()

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
        }


@dataclass(frozen=True, slots=True)
class Model:
    """A model: the image's name, what was asked for, what that gives, what it stands on, and its layers if it is built.

    `schema` is the OpenAPI document of its predictions, "" when the code does not tell it.
    """

    name: str
    config: Config
    resolved: Resolved
    standing: Standing
    schema: str = ""
    id: str = ""
    layers: tuple[str, ...] = ()
    size: int = 0
