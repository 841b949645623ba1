"""The user's layer: what a requirements file requests beyond the layers that the variables activate.

It is resolved against exactly those (fault M21), the cog's packages among them (fault M16), and holds
only what they do not have.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from workbench.errors import FaultsError, WorkbenchError
from workbench.files import exchange
from workbench.monobase.activation import activate
from workbench.monobase.conflicts import packages
from workbench.monobase.environment import build
from workbench.monobase.install import Toolchain
from workbench.monobase.interpreters import Interpreter, probe
from workbench.monobase.layer import USER_MARKER, identity, marker_text
from workbench.monobase.prefix import Prefix, builder, staged
from workbench.monobase.request import read_request
from workbench.monobase.resolving import split_lock
from workbench.packages import normalized_name, requirement_lines

# A package that uv names with a version: "schema>=2".
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?=[<>=~!]=?)")


@dataclass(frozen=True, slots=True)
class UserRequirement:
    """One requirement by name, as the standard reads it (fault M12), and the file and line that it is from."""

    name: str
    text: str
    where: str
    requirement: Requirement

    def allows(self, version: str) -> bool:
        """Return whether `version` meets it; an address is met by none, whatever it leads to."""
        return not self.requirement.url and self.requirement.specifier.contains(version, prereleases=True)

    def applies(self, python: str) -> bool:
        """Return whether its marker holds for the full version of a Python."""
        about = {"python_full_version": python, "python_version": python.rpartition(".")[0], "extra": ""}
        return self.requirement.marker is None or self.requirement.marker.evaluate(about)


def read_user_requirements(path: Path) -> list[UserRequirement]:
    """Return the requirements by name of the file at `path`, those that it includes with -r too.

    Options, folders and addresses without a name are left to uv. Raises WorkbenchError for a file that
    cannot be read and a line that is not a requirement.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"the requirements cannot be read: {error}", where=str(path)) from None
    found = []
    for number, bare in requirement_lines(text):
        included = re.fullmatch(r"(?:-r|--requirement)[= ]?\s*(.+)", bare)
        if included:
            found += read_user_requirements(path.parent / included[1])
        elif not re.match(r"[-./]|[a-z+]+://|[^\[@;<>=!~ ]*/", bare):
            words = re.split(r"\s+--", bare)[0]
            try:
                requirement = Requirement(words)
            except InvalidRequirement as error:
                where = f"{path}:{number}"
                raise WorkbenchError(
                    f"{bare!r} is not a requirement: {str(error).splitlines()[0]}", where=where
                ) from None
            found.append(
                UserRequirement(normalized_name(requirement.name), words, f"{path.name}:{number}", requirement)
            )
    return found


@dataclass(frozen=True, slots=True)
class UserLayer:
    """The layer that was made: its folder, the packages that are in it, and the pins that a layer won over."""

    root: str
    packages: tuple[str, ...]
    overridden: tuple[str, ...]


def install_user(
    prefix: str, variables: Mapping[str, str], requirements: Path, *, override: bool = False, offline: bool = False
) -> UserLayer:
    """Install what `requirements` requests as the layer above those that `variables` activate; whole or not at all.

    Raises FaultsError that names both sides when it contradicts a layer; with `override` the layer
    wins and the marker records it. Raises WorkbenchError when torch would be installed without being requested.
    """
    activation = activate(prefix, {**variables, "MONOBASE_USER": "/nonexistent"})
    python = probe(os.path.realpath(f"{activation.layers[0].bin}/python"))
    if python is None:
        raise WorkbenchError("the Python of the first layer does not run", where=activation.layers[0].bin)
    installed: dict[str, tuple[str, str]] = {}
    for layer in activation.layers:
        for package in packages(layer).values():
            installed.setdefault(package.name, (package.version, identity(layer)))
    requested = read_user_requirements(requirements)
    overridden = _contradictions(requested, installed, python)
    if overridden and not override:
        hint = "change them, or give --override to let the layers win"
        raise FaultsError("the requirements contradict the layers that they go on", overridden, hint=hint)
    request = read_request(variables)
    target = _target(request.user)
    beside = _beside(target, request.cache)
    conflicts = [message for _, message in overridden]
    with builder(beside), staged(beside, "user") as folder:
        tools = Toolchain.at(beside, offline=offline)
        whole, lock = Path(folder, "all.txt"), Path(folder, "user.txt")
        _resolve(tools, requirements, installed, python, whole, override=override)
        new = split_lock(whole, lock, installed)
        if "torch" in new.names and "torch" not in {entry.name for entry in requested}:
            hint = "set R8_TORCH_VERSION, so that it comes from an environment"
            raise WorkbenchError("the requirements would install torch", hint=hint)
        root = os.path.join(folder, "layer")
        build(tools, root, str(lock), python)
        for line in new.local:
            flags = ["--no-deps", "--no-progress", "--python", f"{root}/bin/python"]
            tools.uv.run("pip", "install", *flags, *line.split(" ", 1), about=f"installing {line}")
        environment = next(
            (layer for layer in activation.layers if os.path.basename(layer.root) == activation.environment), None
        )
        cog = activation.layers[0] if activation.cog else None
        Path(root, USER_MARKER).write_text(marker_text(environment, cog, activation.layers[0].python, conflicts))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            exchange(root, target)
        else:
            os.rename(root, target)
    return UserLayer(target, tuple(sorted({*new.names, *new.local})), tuple(conflicts))


def _target(folder: str) -> str:
    """Return the folder for the layer; raises WorkbenchError when there is none, and when it holds something else."""
    if not folder:
        raise WorkbenchError("no folder is set for the user's layer", hint="name one in MONOBASE_USER")
    if os.path.lexists(folder) and not os.path.exists(f"{folder}/{USER_MARKER}"):
        hint = "name another folder in MONOBASE_USER: this one would be replaced whole"
        raise WorkbenchError("this is not a user's layer", where=folder, hint=hint)
    return os.path.abspath(folder)


def _beside(target: str, cache: str) -> Prefix:
    """Return where the store of a user's layer is: on the file system of the layer, so that it can be linked."""
    if cache and os.path.dirname(target) == cache:
        return Prefix.at(cache)
    return Prefix.at(os.path.join(os.path.dirname(target), ".monobase-store"))


def _contradictions(
    requested: Sequence[UserRequirement], installed: Mapping[str, tuple[str, str]], python: Interpreter
) -> list[tuple[str, str]]:
    """Return each requirement that the package of a layer does not meet, with the line that requests it."""
    found = []
    for entry in requested:
        if entry.name in installed and entry.applies(python.version):
            version, layer = installed[entry.name]
            if not entry.allows(version):
                found.append((entry.where, f"requests {entry.text}, and {layer} has {entry.name} {version}"))
    return found


def _resolve(
    tools: Toolchain,
    requirements: Path,
    installed: Mapping[str, tuple[str, str]],
    python: Interpreter,
    lock: Path,
    *,
    override: bool,
) -> None:
    """Write the lock of everything, layers included. uv names what is in conflict; the layers' names are added here."""
    within = lock.with_name("layers.txt")
    within.write_text("".join(f"{name}=={version}\n" for name, (version, _) in sorted(installed.items())))
    command = ["pip", "compile", str(requirements), "--quiet", "--output-file", str(lock), "--python", python.path]
    command += ["--override" if override else "--constraint", str(within)]
    command += ["--generate-hashes", "--no-header", "--no-annotate"]
    try:
        tools.uv.run(*command, about=f"resolving {requirements.name}")
    except WorkbenchError as error:
        named = {normalized_name(name) for name in _NAMED.findall(error.message)} & installed.keys()
        owners = ", ".join(f"{installed[name][1]} has {name} {installed[name][0]}" for name in sorted(named))
        raise WorkbenchError(f"{error.message}; {owners}" if owners else error.message, hint=error.hint) from None
