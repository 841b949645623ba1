"""Reading `releases/compat.toml`: what goes with what, each row with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.catalog.faults import Faults
from workbench.catalog.releases import NOT_A_RELEASE
from workbench.catalog.toml_file import read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.packages import normalized_name

PATH = f"releases/{NOT_A_RELEASE}"
_SOURCED = {"source": str, "checked": str}
_SCHEMA = {
    "cog": {"version": str, "pythons": list, "first": str, **_SOURCED},
    "wheels": {"cuda": list, "cudnn": list},
    "builds": {"constraints": list, **_SOURCED},
    "interpreter": {"*": {"version": str, **_SOURCED}},
    "driver": {"*": {"least": str, **_SOURCED}},
    "architecture": {"*": {"least": str, **_SOURCED}},
    "framework": {
        "*": {
            "*": {
                "cuda": str,
                "cudnn": str,
                "pythons": list,
                "goes_with": {"*": str},
                "constraints": list,
                **_SOURCED,
            }
        },
    },
}


@dataclass(frozen=True, slots=True)
class FrameworkVersion:
    """What one version of a framework brings in its wheels, what it goes with, and what else must hold beside it."""

    cuda: str
    cudnn: str
    pythons: tuple[str, ...]
    goes_with: Mapping[str, str]
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompatibilityTable:
    """The table: least driver and GPU generation by CUDA family ("13"), frameworks by name and version.

    `cuda_wheels` and `cudnn_wheels` are the packages whose versions show what a lock brings; `cog` is the
    version of the server that models get, for any of `cog_pythons`, and `cog_first` the first that they can name.
    `interpreters` are Pythons in full, by their minor version, that an image can get beside its system's;
    `build_constraints` hold for what builds packages from sources.
    """

    drivers: Mapping[str, str]
    architectures: Mapping[str, str]
    frameworks: Mapping[str, Mapping[str, FrameworkVersion]]
    cuda_wheels: tuple[str, ...] = ()
    cudnn_wheels: tuple[str, ...] = ()
    cog: str = ""
    cog_pythons: tuple[str, ...] = ()
    cog_first: str = ""
    interpreters: Mapping[str, str] = field(default_factory=dict)
    build_constraints: tuple[str, ...] = ()


def read_compatibility(tree: CatalogueTree) -> CompatibilityTable:
    """Return the table of the catalogue `tree`, an empty one when it has none.

    Raises FaultsError with every fault, a row without its source or date included.
    """
    if not tree.exists(PATH):
        return CompatibilityTable({}, {}, {})
    faults = Faults()
    data = read_toml(tree, PATH, _SCHEMA, faults)
    frameworks = data.get("framework", {})
    rows = [(f"{kind}.{name}", row) for kind in ("driver", "architecture") for name, row in data.get(kind, {}).items()]
    rows += [(f"{name}.{version}", row) for name, versions in frameworks.items() for version, row in versions.items()]
    rows += [(name, data[name]) for name in ("cog", "builds") if name in data]
    rows += [(f"interpreter.{name}", row) for name, row in data.get("interpreter", {}).items()]
    for name, row in rows:
        for key in ("source", "checked"):
            if key not in row:
                faults.add(PATH, f"{name} does not say its {key}")
        kind = name.partition(".")[0]
        needed: tuple[str, ...] = ("cuda", "cudnn", "pythons") if kind in frameworks else ("least",)
        for key in {"cog": ("version", "pythons"), "builds": ("constraints",), "interpreter": ("version",)}.get(
            kind, needed
        ):
            if key not in row:
                faults.add(PATH, f"{name} needs {key}")
    faults.raise_if_any(PATH)
    return CompatibilityTable(
        drivers={family: row["least"] for family, row in data.get("driver", {}).items()},
        architectures={family: row["least"] for family, row in data.get("architecture", {}).items()},
        frameworks={
            normalized_name(name): {
                version: FrameworkVersion(
                    row["cuda"],
                    row["cudnn"],
                    tuple(row["pythons"]),
                    {normalized_name(other): at for other, at in row.get("goes_with", {}).items()},
                    tuple(row.get("constraints", ())),
                )
                for version, row in versions.items()
            }
            for name, versions in frameworks.items()
        },
        cuda_wheels=tuple(map(normalized_name, data.get("wheels", {}).get("cuda", ()))),
        cudnn_wheels=tuple(map(normalized_name, data.get("wheels", {}).get("cudnn", ()))),
        cog=data.get("cog", {}).get("version", ""),
        cog_pythons=tuple(data.get("cog", {}).get("pythons", ())),
        cog_first=data.get("cog", {}).get("first", ""),
        build_constraints=tuple(data.get("builds", {}).get("constraints", ())),
        interpreters={name: row["version"] for name, row in data.get("interpreter", {}).items()},
    )


def version_key(version: str) -> list[int]:
    """Return a key that orders versions of numbers and dots: "13.0.96" before "13.2"."""
    return [int(part) if part.isdigit() else 0 for part in version.split(".")]
