"""Reading `releases/*.toml` and `base/<os>/os.toml`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from workbench.catalog.bases import BASE_SCHEMA, bases_from, wrong_bases
from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.faults import Fault, Faults
from workbench.catalog.layers import LAYERS_SCHEMA, layer_rule, wrong_layers
from workbench.catalog.questions import IN_RELEASE, REQUIRED
from workbench.catalog.toml_file import line_of, read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.unavailable import unavailable
from workbench.catalog.values import Amendment, Release, ReleaseSystem, SecurityException, SecurityFix, System
from workbench.errors import UsageError
from workbench.extensions import PLATFORMS, is_extension, is_extension_version, is_sha256
from workbench.names import (
    LATEST,
    NAME_RULE,
    check_date,
    is_image,
    is_name,
    is_near,
    is_qualified,
    is_release,
    python_folder,
    suggestion,
)
from workbench.packages import is_package, normalized_name

# The table of what goes with what stands among the releases and is none.
NOT_A_RELEASE = "compat.toml"
LOCAL_REPOSITORY = "localhost/workbench-images"
OPEN, FROZEN, RETIRED = "open", "frozen", "retired"
# In the folder of a release: the digest of every file there. With it the release is frozen.
SUMS = "SHA256SUMS"

_REQUIRED = tuple(name for name in IN_RELEASE if name in REQUIRED)
_FIX = ("package", "fixed", "advisory")
_EXCEPTION = ("package", "advisory", "reason")
_RELEASE = {
    "display": str,
    "state": (OPEN, FROZEN, RETIRED),
    "reason": str,
    "record": str,
    "amended": [{"day": str, "reason": str, "paths": list}],
    "support": {"from": str, "until": str},
    "repository": str,
    "architectures": list,
    "defaults": {**dict.fromkeys(IN_RELEASE, str), "out": str},
    "bases": {"*": BASE_SCHEMA},
    "cuda": {"nvcc": list, "rpms": {"*": list}, "sizes": {"*": {"source": str, "checked": str, "*": int}}, "*": str},
    "tools": {"*": {"*": {"*": str}}},
    "extensions": {"*": dict.fromkeys(("version", "released", *PLATFORMS), str)},
    "os": {"*": {"image": str, "digest": str, "pythons": list}},
    "recipes": [dict.fromkeys(IN_RELEASE, str)],
    "security": [dict.fromkeys(_FIX, str)],
    "exceptions": [dict.fromkeys((*_EXCEPTION, "until"), str)],
    "layers": LAYERS_SCHEMA,
}
# Of a release that names none.
_ARCHITECTURES = ("x86_64",)
# What a row of measured sizes has beside them.
_SOURCED = ("source", "checked")
_SYSTEM = {"display": str, "family": str, "commands": list, "os-release": {"*": str}}


def read_releases(tree: CatalogueTree, faults: Faults, broken: dict[str, tuple[Fault, ...]]) -> dict[str, Release]:
    """Return the releases by name, the newest (by name) first; at least one must be there.

    One whose file has a fault is in `broken` by its name instead.
    """
    releases: dict[str, Release] = {}
    with faults:
        folders, files = tree.folder("releases")
        names: dict[str, str] = {}
        for file in reversed(files):
            if file.endswith(".toml") and file != NOT_A_RELEASE:
                name, path = file.removesuffix(".toml"), f"releases/{file}"
                if not is_release(name):
                    faults.add(path, f"{name!r} cannot be a release name: use letters, digits, dots and hyphens")
                elif name.lower() in names:
                    faults.add(path, f"names the same release as releases/{names[name.lower()]}.toml")
                else:
                    names[name.lower()] = name
                    own, release = Faults(), None
                    with own:
                        release = _read_release(tree, name, path, name in folders, own)
                    if found := faults.take(own):
                        broken[name] = found
                    elif release is not None:
                        releases[name] = release
        if not releases and not broken:
            faults.add("releases", "holds no release: add a file such as releases/2026a.toml")
    return releases


def _read_release(tree: CatalogueTree, name: str, path: str, has_folder: bool, faults: Faults) -> Release:
    data = read_toml(tree, path, _RELEASE, faults)
    for keys, message in _wrong(data):
        faults.add(f"{path}:{line_of(tree.text(path), keys)}", message)
    if not data.get("os"):
        faults.add(path, "names no operating system: add a table such as [os.c9s]")
    own = f"releases/{name}" if has_folder else ""
    state = data.get("state", OPEN)
    frozen = bool(own) and tree.exists(f"{own}/{SUMS}")
    if state == FROZEN and not frozen:
        where = f"{path}:{line_of(tree.text(path), ('state',))}"
        faults.add(where, f"is not frozen, for there is no releases/{name}/{SUMS}: write open, then freeze it")
    cuda, support = data.get("cuda", {}), data.get("support", {})
    return Release(
        name=name,
        path=path,
        display=data.get("display", name),
        # The record says what is frozen: whoever writes `open` over it changes nothing.
        state=FROZEN if frozen and state != RETIRED else state,
        repository=data.get("repository", LOCAL_REPOSITORY),
        defaults=data.get("defaults", {}),
        cuda={key: value for key, value in cuda.items() if isinstance(value, str)},
        cuda_rpms={layer: tuple(packages) for layer, packages in cuda.get("rpms", {}).items()},
        cuda_sizes={
            os: {layer: size for layer, size in row.items() if layer in LAYERS}
            for os, row in cuda.get("sizes", {}).items()
        },
        nvcc=tuple(cuda["nvcc"]) if "nvcc" in cuda else None,
        tools=data.get("tools", {}),
        extensions=data.get("extensions", {}),
        systems={
            os: ReleaseSystem(pins.get("image", ""), tuple(pins.get("pythons", ())), pins.get("digest", ""))
            for os, pins in data.get("os", {}).items()
        },
        bases=bases_from(data.get("bases", {})),
        reason=data.get("reason", ""),
        record=tuple(data.get("record", "").split()),
        amended=tuple(Amendment(row.get("day", ""), row.get("reason", "")) for row in data.get("amended", ())),
        own=own,
        layers=layer_rule(data.get("layers", {})),
        architectures=tuple(data.get("architectures", _ARCHITECTURES)),
        since=support.get("from", ""),
        until=support.get("until", ""),
        recipes=tuple({**dict.fromkeys(_REQUIRED, ""), **row} for row in data.get("recipes", ())),
        security=tuple(
            SecurityFix(normalized_name(row.get("package", "")), row.get("fixed", ""), row.get("advisory", ""))
            for row in data.get("security", ())
        ),
        exceptions=tuple(
            SecurityException(
                normalized_name(row.get("package", "")),
                row.get("advisory", ""),
                row.get("reason", ""),
                row.get("until", ""),
            )
            for row in data.get("exceptions", ())
        ),
    )


def _wrong(data: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the values of a release file, each with the keys that lead to it."""
    repository = data.get("repository", LOCAL_REPOSITORY)
    if not is_qualified(repository):
        yield ("repository",), f"{repository!r} does not name its registry"
    for name in data.get("architectures", ()):
        if not is_name(name):
            yield ("architectures",), f"{name!r} is no architecture: write it as aarch64"
    for keys, message in _wrong_cuda(data.get("cuda", {}), data.get("os", {})):
        yield ("cuda", *keys), message
    for keys, message in wrong_bases(data.get("bases", {})):
        yield ("bases", *keys), message
    for keys, message in wrong_layers(data.get("layers", {})):
        yield ("layers", *keys), message
    for key, day in data.get("support", {}).items():
        if not is_day(day):
            yield ("support", key), f"{day!r} is no day: write it as 2026-11-22"
    for digest in data.get("record", "").split():
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            yield ("record",), f"{digest!r} is no digest: write it as sha256: and 64 hexadecimal digits"
    for os, pins in data.get("os", {}).items():
        for keys, message in _wrong_system(os, pins):
            yield ("os", os, *keys), message
    for kind, wanted in (
        ("recipes", _REQUIRED),
        ("security", _FIX),
        ("exceptions", _EXCEPTION),
        ("amended", ("day", "reason", "paths")),
    ):
        for number, row in enumerate(data.get(kind, ())):
            if missing := [key for key in wanted if not row.get(key)]:
                yield (kind, str(number)), f"{kind} needs {', '.join(missing)}"
    for number, row in enumerate(data.get("security", ())):
        if row.get("fixed") and not _is_version(row["fixed"]):
            yield ("security", str(number)), f"fixed is {row['fixed']!r}, which is no version: write it as 2.6.3"
        if row.get("package") and not is_package(row["package"]):
            yield ("security", str(number)), f"{row['package']!r} is no name of a Python package"
    for number, row in enumerate(data.get("exceptions", ())):
        if row.get("until") and not is_day(row["until"]):
            yield ("exceptions", str(number)), f"until is {row['until']!r}, which is no day: write it as 2026-11-22"
    for tool, systems in data.get("tools", {}).items():
        for system, pins in systems.items():
            if "released" in pins and not is_day(pins["released"]):
                yield ("tools", tool, system, "released"), f"{pins['released']!r} is no day: write it as 2026-11-22"
    for name, pins in data.get("extensions", {}).items():
        for keys, message in _wrong_extension(name, pins):
            yield ("extensions", name, *keys), message


def _wrong_extension(name: str, pins: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not is_extension(name):
        yield (), f'{name!r} is no extension: write it as [extensions."ms-python.python"]'
    if not is_extension_version(pins.get("version", "")):
        yield ("version",), f"extensions.{name} needs a version such as 2026.4.0"
    digests = [key for key in PLATFORMS if key in pins]
    if not digests:
        yield (), f"extensions.{name} needs {' or '.join(PLATFORMS)}"
    elif "sha256" in digests and len(digests) > 1:
        yield (), f"extensions.{name} has one archive for all (sha256), and others beside it"
    for key in digests:
        if not is_sha256(pins[key]):
            yield (key,), f"{pins[key]!r} is no {key}: write its 64 hexadecimal digits"
    if "released" in pins and not is_day(pins["released"]):
        yield ("released",), f"{pins['released']!r} is no day: write it as 2026-11-22"


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _wrong_cuda(cuda: dict[str, Any], systems: Collection[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    layers: list[tuple[str, ...]] = [("rpms", layer) for layer in cuda.get("rpms", ())]
    layers += [("sizes", os, key) for os, row in cuda.get("sizes", {}).items() for key in row if key not in _SOURCED]
    for keys in layers:
        if keys[-1] not in LAYERS:
            yield keys, f"{keys[-1]!r} is no CUDA layer: {suggestion(keys[-1], LAYERS)}"
    for os, row in cuda.get("sizes", {}).items():
        # What was measured on a system that the release leaves out harms nobody.
        if os not in systems and is_near(os, systems):
            yield ("sizes", os), f"the release has no operating system {os}"
        for key in _SOURCED:
            if key not in row:
                yield ("sizes", os), f"cuda.sizes.{os} does not say its {key}"


def _wrong_system(os: str, pins: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not is_name(os):
        yield (), f"{os!r} cannot name an operating system: {NAME_RULE}"
    for key in ("image", "pythons"):
        if not pins.get(key):
            yield (), f"os.{os} needs {key}"
    image, digest = pins.get("image", ""), pins.get("digest", "")
    if image and not (is_image(image) and is_qualified(image)):
        yield ("image",), f"{image!r} is no fully qualified image"
    elif digest and "@" in image:
        yield ("digest",), f"{image!r} has a digest already: keep one of the two"
    elif digest and not is_image(f"{image}@{digest}"):
        yield ("digest",), f"{digest!r} is no digest: write it as sha256: and 64 hexadecimal digits"
    for python in pins.get("pythons", ()):
        try:
            python_folder(python)
        except UsageError as error:
            yield ("pythons",), error.message


def is_day(text: str) -> bool:
    """Return whether `text` is a day of the calendar, written as 2026-11-22."""
    try:
        return check_date(text.replace("-", "")) != LATEST and text[4] + text[7] == "--" and len(text) == 10
    except UsageError:
        return False


def read_systems(
    tree: CatalogueTree, releases: Mapping[str, Release], faults: Faults, broken: dict[str, tuple[Fault, ...]]
) -> dict[str, System]:
    """Return the operating systems that any release names, with what `base/<os>/os.toml` says of them.

    One whose file has a fault is in `broken` by its name instead.
    """
    systems = {}
    for release in releases.values():
        for os in release.systems:
            if os in systems or os in broken or not is_name(os):
                continue
            own = Faults()
            system = read_system(tree, os, own)
            if found := faults.take(own):
                broken[os] = found
            else:
                systems[os] = system
    return systems


def read_system(tree: CatalogueTree, os: str, faults: Faults) -> System:
    """Return what `base/<os>/os.toml` says of an operating system; what is wrong with it is added to `faults`."""
    path = f"base/{os}/os.toml"
    data = read_toml(tree, path, _SYSTEM, faults) if tree.exists(path) else {}
    missing: frozenset[str] = frozenset()
    with faults:
        missing = unavailable(tree, os)
    return System(
        name=os,
        display=data.get("display", os),
        family=data.get("family", os),
        commands=tuple(data.get("commands", ())),
        unavailable=missing,
    )
