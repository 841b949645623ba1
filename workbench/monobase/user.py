"""The user's layer: what a requirements file asks for beyond the layers that the variables activate.

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
from workbench.monobase.install import Workshop
from workbench.monobase.interpreters import Interpreter, ask
from workbench.monobase.layer import USER_MARKER, identity, marker_text
from workbench.monobase.prefix import Prefix, builder, staged
from workbench.monobase.request import read_wish
from workbench.monobase.resolving import split_lock
from workbench.packages import normalized_name


@dataclass(frozen=True, slots=True)
class Asked:
    """One requirement by name, as the standard reads it (fault M12), and where it stands."""

    name: str
    text: str
    where: str
    requirement: Requirement

    def allows(self, version: str) -> bool:
        """Return whether `version` is one that is asked for; an address allows none, whatever it leads to."""
        return not self.requirement.url and self.requirement.specifier.contains(version, prereleases=True)

    def applies(self, python: str) -> bool:
        """Return whether its marker holds for the full version of a Python."""
        about = {"python_full_version": python, "python_version": python.rpartition(".")[0], "extra": ""}
        return self.requirement.marker is None or self.requirement.marker.evaluate(about)


def read_asked(path: Path) -> list[Asked]:
    """Return the requirements by name of the file at `path`, those that it includes with -r too.

    Options, folders and addresses without a name are uv's to read, and not here. Raises
    WorkbenchError for a file that cannot be read and a line that is no requirement.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"the requirements cannot be read: {error}", where=str(path)) from None
    found = []
    # A continued line stays on the lines that it has, so that those below keep their numbers.
    joined = re.sub(r"(?:\\\n[^\n]*)+", _joined, text)
    for number, line in enumerate(joined.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        included = re.fullmatch(r"(?:-r|--requirement)[= ]?\s*(.+)", bare)
        if included:
            found += read_asked(path.parent / included[1])
        elif bare and not re.match(r"[-./]|[a-z+]+://|[^\[@;<>=!~ ]*/", bare):
            words = re.split(r"\s+--", bare)[0]
            try:
                requirement = Requirement(words)
            except InvalidRequirement as error:
                where = f"{path}:{number}"
                raise WorkbenchError(f"{bare!r} is no requirement: {str(error).splitlines()[0]}", where=where) from None
            found.append(Asked(normalized_name(requirement.name), words, f"{path.name}:{number}", requirement))
    return found


def _joined(continued: re.Match[str]) -> str:
    return continued[0].replace("\\\n", " ") + "\n" * continued[0].count("\n")


# A package that uv names with a version: "schema>=2".
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?=[<>=~!]=?)")


@dataclass(frozen=True, slots=True)
class UserLayer:
    """The layer that was made: its folder, the packages that are in it, and the pins that a layer won over."""

    root: str
    packages: tuple[str, ...]
    overridden: tuple[str, ...]


def install_user(
    prefix: str, variables: Mapping[str, str], requirements: Path, *, override: bool = False, offline: bool = False
) -> UserLayer:
    """Install what `requirements` asks for as the layer above what `variables` activate; whole or not at all.

    Raises FaultsError that names both sides when it contradicts a layer; with `override` the layer
    wins and the marker says so. Raises WorkbenchError when torch would come without being asked for.
    """
    made = activate(prefix, {**variables, "MONOBASE_USER": "/nonexistent"})
    python = ask(os.path.realpath(f"{made.layers[0].bin}/python"))
    if python is None:
        raise WorkbenchError("the Python of the first layer does not answer", where=made.layers[0].bin)
    held: dict[str, tuple[str, str]] = {}
    for layer in made.layers:
        for package in packages(layer).values():
            held.setdefault(package.name, (package.version, identity(layer)))
    asked = read_asked(requirements)
    overridden = _contradictions(asked, held, python)
    if overridden and not override:
        hint = "change them, or give --override to let the layers win"
        raise FaultsError("the requirements contradict the layers that they go on", overridden, hint=hint)
    wish = read_wish(variables)
    target = _target(wish.user)
    beside = _beside(target, wish.cache)
    told = [message for _, message in overridden]
    with builder(beside), staged(beside, "user") as folder:
        shop = Workshop.at(beside, offline=offline)
        whole, lock = Path(folder, "all.txt"), Path(folder, "user.txt")
        _resolve(shop, requirements, held, python, whole, override=override)
        new = split_lock(whole, lock, held)
        if "torch" in new.names and "torch" not in {entry.name for entry in asked}:
            hint = "set R8_TORCH_VERSION, so that it comes from an environment"
            raise WorkbenchError("torch would come with what the requirements need", hint=hint)
        root = os.path.join(folder, "layer")
        build(shop, root, str(lock), python)
        for line in new.local:
            flags = ["--no-deps", "--no-progress", "--python", f"{root}/bin/python"]
            shop.uv.run("pip", "install", *flags, *line.split(" ", 1), about=f"installing {line}")
        environment = next((layer for layer in made.layers if os.path.basename(layer.root) == made.environment), None)
        cog = made.layers[0] if made.cog else None
        Path(root, USER_MARKER).write_text(marker_text(environment, cog, made.layers[0].python, told))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            exchange(root, target)
        else:
            os.rename(root, target)
    return UserLayer(target, tuple(sorted({*new.names, *new.local})), tuple(told))


def _target(folder: str) -> str:
    """Return the folder for the layer; raises WorkbenchError when there is none, and when it is something else."""
    if not folder:
        raise WorkbenchError("there is no folder for a user's layer", hint="name one in MONOBASE_USER")
    if os.path.lexists(folder) and not os.path.exists(f"{folder}/{USER_MARKER}"):
        hint = "name another folder in MONOBASE_USER: this one would be replaced whole"
        raise WorkbenchError("this is no user's layer", where=folder, hint=hint)
    return os.path.abspath(folder)


def _beside(target: str, cache: str) -> Prefix:
    """Return where the store of a user's layer is: on the file system of the layer, so that it can be linked."""
    if cache and os.path.dirname(target) == cache:
        return Prefix.at(cache)
    return Prefix.at(os.path.join(os.path.dirname(target), ".monobase-store"))


def _contradictions(
    asked: Sequence[Asked], held: Mapping[str, tuple[str, str]], python: Interpreter
) -> list[tuple[str, str]]:
    """Return each requirement that the package of a layer does not meet, with the line that asks for it."""
    found = []
    for entry in asked:
        if entry.name in held and entry.applies(python.version):
            version, layer = held[entry.name]
            if not entry.allows(version):
                found.append((entry.where, f"asks for {entry.text}, and {layer} has {entry.name} {version}"))
    return found


def _resolve(
    shop: Workshop,
    requirements: Path,
    held: Mapping[str, tuple[str, str]],
    python: Interpreter,
    lock: Path,
    *,
    override: bool,
) -> None:
    """Write the lock of everything, layers included. uv names what does not go together; we add whose it is."""
    within = lock.with_name("layers.txt")
    within.write_text("".join(f"{name}=={version}\n" for name, (version, _) in sorted(held.items())))
    command = ["pip", "compile", str(requirements), "--quiet", "--output-file", str(lock), "--python", python.path]
    command += ["--override" if override else "--constraint", str(within)]
    command += ["--generate-hashes", "--no-header", "--no-annotate"]
    try:
        shop.uv.run(*command, about=f"resolving {requirements.name}")
    except WorkbenchError as error:
        named = {normalized_name(name) for name in _NAMED.findall(error.message)} & held.keys()
        owners = ", ".join(f"{held[name][1]} has {name} {held[name][0]}" for name in sorted(named))
        raise WorkbenchError(f"{error.message}; {owners}" if owners else error.message, hint=error.hint) from None
