"""The specification of a generation: `generations/g00001.toml`, read and checked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from workbench.catalog.faults import Faults
from workbench.catalog.toml_file import line_of, read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.monobase.names import (
    PLATFORMS,
    X86,
    generation_name,
    generation_number,
    is_python,
    is_stack,
    is_version,
)

FOLDER = "generations"
_SCHEMA = {
    "id": int,
    "released": str,
    "digest": str,
    "torch": list,
    "cuda": list,
    "cudnn": list,
    "platforms": list,
    "default": bool,
    "packages": list,
    "python": {"*": str},
    "stacks": {"*": {"packages": list}},
}


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """A generation as its file specifies it.

    `pythons` maps what users request ("3.11") to the version to install where there is none yet. `stacks`
    are environments without torch: the packages of each, by name; `packages` go into every environment.
    `platforms` are what it is locked for; `default` says whether commands take it that name no generation.
    `released` is a date and `digest` what it was released as, "" before that.
    """

    id: int
    pythons: Mapping[str, str]
    torch: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    cudnn: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    released: str = ""
    digest: str = ""
    platforms: tuple[str, ...] = (X86,)
    default: bool = True

    @property
    def name(self) -> str:
        """The name of the generation: g00001."""
        return generation_name(self.id)

    @property
    def is_released(self) -> bool:
        """Whether it is released, and never changes again."""
        return bool(self.released)


def python_order(text: str) -> tuple[Version, bool]:
    """Return what orders Pythons, in short or in full: 3.13 before 3.13t (free-threaded) before 3.14."""
    return Version(text.removesuffix("t")), text.endswith("t")


def spec_names(folder: Path) -> list[str]:
    """Return the generations that the data `folder` has, oldest first."""
    names = (file.stem for file in (folder / FOLDER).glob("*.toml"))
    return sorted(name for name in names if generation_number(name) is not None)


def read_spec(folder: Path, name: str) -> GenerationSpec:
    """Return the generation that `generations/NAME.toml` of the data `folder` describes.

    Raises FaultsError with every fault and its line.
    """
    path, faults = f"{FOLDER}/{name}.toml", Faults()
    tree = CatalogueTree(str(folder))
    data = read_toml(tree, path, _SCHEMA, faults)
    faults.raise_if_any(path)
    text = tree.text(path)

    def fault(message: str, *keys: str) -> None:
        faults.add(f"{path}:{line_of(text, keys)}", message)

    for key in ("id", "python", "packages"):
        if key not in data:
            fault(f"needs {key}")
    if generation_number(name) is None:
        faults.add(path, "is not named like g00001.toml")
    elif data.get("id") != generation_number(name):
        fault(f"the id is {data.get('id')}, and the file is named {name}", "id")
    for python, full in data.get("python", {}).items():
        short = python.removesuffix("t")
        number = full.removesuffix("t") if short != python else full
        free = full.endswith("t") == (short != python)
        if not (is_python(python) and is_version(number) and number.startswith(f"{short}.") and free):
            fault(f"Python {full!r} is not a full version of {python!r}", "python", python)
    for platform in data.get("platforms", ()):
        if platform not in PLATFORMS:
            fault(f"{platform!r} is not a platform: {' or '.join(PLATFORMS)}", "platforms")
    for torch in data.get("torch", ()):
        if not is_version(torch):
            fault(f"{torch!r} is not a torch version", "torch")
    stacks = {stack: tuple(table.get("packages", ())) for stack, table in data.get("stacks", {}).items()}
    for stack in stacks:
        if not is_stack(stack):
            fault(f"{stack!r} cannot name a stack: letters and digits only, and not torch", "stacks", stack)
    for keys, packages in (
        (("packages",), data.get("packages", ())),
        *((("stacks", s, "packages"), stacks[s]) for s in stacks),
    ):
        for package in packages:
            if complaint := _unpinned(package):
                fault(complaint, *keys)
    if bool(data.get("released")) != bool(data.get("digest")):
        fault("released and digest go together", "released")
    if data.get("released") and not _is_day(data["released"]):
        fault(f"{data['released']!r} is not a day: write 2026-11-22", "released")
    faults.raise_if_any(path)
    return GenerationSpec(
        id=data["id"],
        pythons=data["python"],
        torch=tuple(data.get("torch", ())),
        cuda=tuple(data.get("cuda", ())),
        cudnn=tuple(data.get("cudnn", ())),
        packages=tuple(data["packages"]),
        stacks=stacks,
        released=data.get("released", ""),
        digest=data.get("digest", ""),
        platforms=tuple(data.get("platforms", (X86,))),
        default=data.get("default", True),
    )


def _unpinned(package: str) -> str:
    try:
        requirement = Requirement(package)
    except InvalidRequirement as error:
        return f"{package!r} is not a requirement: {str(error).splitlines()[0]}"
    operators = [specifier.operator for specifier in requirement.specifier]
    if operators != ["=="] or "*" in str(requirement.specifier):
        return f"{package!r} is not pinned: write NAME==VERSION"
    return ""


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
