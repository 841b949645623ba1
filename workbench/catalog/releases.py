"""Reading `releases/*.toml` and `base/<os>/os.toml`."""

from __future__ import annotations

from typing import Any

from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.faults import Faults
from workbench.catalog.toml_file import line_of, read_toml
from workbench.catalog.tree import Tree
from workbench.catalog.values import Release, ReleaseSystem, System
from workbench.errors import UsageError
from workbench.names import is_image, is_name, is_qualified, is_release, python_folder, suggestion

# The table of what goes with what stands among the releases and is none.
NOT_A_RELEASE = "compat.toml"
LOCAL_REPOSITORY = "localhost/workbench-images"

_RELEASE = {
    "display": str,
    "state": ("open", "frozen", "retired"),
    "repository": str,
    "defaults": {"base": str, "os": str, "python": str, "bundle": str, "ide": str, "out": str},
    "cuda": {"nvcc": list, "rpms": {"*": list}, "sizes": {"*": {"source": str, "checked": str, "*": int}}, "*": str},
    "tools": {"*": {"*": {"*": str}}},
    "os": {"*": {"image": str, "pythons": list}},
}
# What a row of measured sizes has beside them.
_SOURCED = ("source", "checked")
_SYSTEM = {"display": str, "family": str, "commands": list}


def read_releases(tree: Tree, faults: Faults) -> dict[str, Release]:
    """Return the releases by name, the newest (by name) first; at least one must be there."""
    releases = {}
    with faults:
        for file in reversed(tree.folder("releases")[1]):
            if file.endswith(".toml") and file != NOT_A_RELEASE:
                name = file.removesuffix(".toml")
                if is_release(name):
                    releases[name] = _read_release(tree, name, f"releases/{file}", faults)
                else:
                    faults.add(f"releases/{file}", f"{name!r} cannot be a release name")
        if not releases:
            faults.add("releases", "holds no release: add a file such as releases/2026a.toml")
    return releases


def _read_release(tree: Tree, name: str, path: str, faults: Faults) -> Release:
    data = read_toml(tree, path, _RELEASE, faults)
    repository = data.get("repository", LOCAL_REPOSITORY)
    if not is_qualified(repository):
        _fault(tree, path, ("repository",), f"{repository!r} does not name its registry", faults)
    if not data.get("os"):
        faults.add(path, "names no operating system: add a table such as [os.c9s]")
    cuda = data.get("cuda", {})
    layers: list[tuple[str, ...]] = [("rpms", layer) for layer in cuda.get("rpms", ())]
    layers += [("sizes", os, key) for os, row in cuda.get("sizes", {}).items() for key in row if key not in _SOURCED]
    for keys in layers:
        if keys[-1] not in LAYERS:
            message = f"{keys[-1]!r} is no CUDA layer: {suggestion(keys[-1], LAYERS)}"
            _fault(tree, path, ("cuda", *keys), message, faults)
    for os, row in cuda.get("sizes", {}).items():
        if os not in data.get("os", {}):
            _fault(tree, path, ("cuda", "sizes", os), f"the release has no operating system {os}", faults)
        for key in _SOURCED:
            if key not in row:
                _fault(tree, path, ("cuda", "sizes", os), f"cuda.sizes.{os} does not say its {key}", faults)
    return Release(
        name=name,
        path=path,
        display=data.get("display", name),
        state=data.get("state", "open"),
        repository=repository,
        defaults=data.get("defaults", {}),
        cuda={key: value for key, value in cuda.items() if isinstance(value, str)},
        cuda_rpms={layer: tuple(packages) for layer, packages in cuda.get("rpms", {}).items()},
        cuda_sizes={
            os: {layer: size for layer, size in row.items() if layer in LAYERS}
            for os, row in cuda.get("sizes", {}).items()
        },
        nvcc=tuple(cuda["nvcc"]) if "nvcc" in cuda else None,
        tools=data.get("tools", {}),
        systems={os: _release_system(tree, path, os, pins, faults) for os, pins in data.get("os", {}).items()},
    )


def _release_system(tree: Tree, path: str, os: str, pins: dict[str, Any], faults: Faults) -> ReleaseSystem:
    if not is_name(os):
        _fault(tree, path, ("os", os), f"{os!r} cannot name an operating system", faults)
    for key in ("image", "pythons"):
        if not pins.get(key):
            _fault(tree, path, ("os", os), f"os.{os} needs {key}", faults)
    if pins.get("image") and not (is_image(pins["image"]) and is_qualified(pins["image"])):
        _fault(tree, path, ("os", os, "image"), f"{pins['image']!r} is no fully qualified image", faults)
    for python in pins.get("pythons", ()):
        try:
            python_folder(python)
        except UsageError as error:
            _fault(tree, path, ("os", os, "pythons"), error.message, faults)
    return ReleaseSystem(image=pins.get("image", ""), pythons=tuple(pins.get("pythons", ())))


def _fault(tree: Tree, path: str, keys: tuple[str, ...], message: str, faults: Faults) -> None:
    faults.add(f"{path}:{line_of(tree.text(path), keys)}", message)


def read_systems(tree: Tree, releases: dict[str, Release], faults: Faults) -> dict[str, System]:
    """Return the operating systems that any release names, with what `base/<os>/os.toml` says of them."""
    systems = {}
    for release in releases.values():
        for os in release.systems:
            if os not in systems and is_name(os):
                path = f"base/{os}/os.toml"
                data = read_toml(tree, path, _SYSTEM, faults) if tree.exists(path) else {}
                systems[os] = System(
                    name=os,
                    display=data.get("display", os),
                    family=data.get("family", os),
                    commands=tuple(data.get("commands", ())),
                )
    return systems
