"""Activation: from the variables of a model to those that its processes run with. Nothing is written or started.

`monobase/activate.sh` has the same rules for a shell, with the same error messages word for
word; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.monobase.choose import cog_layer, environment_layer, generation_folder
from workbench.monobase.layer import USER_MARKER, Layer, contradictions, identity, is_file
from workbench.monobase.request import ActivationRequest, read_request

# The variables that activation prepends to; it removes what it prepended before (fault M19).
PATHS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
_ACTIVE = "MONOBASE_ACTIVE_"


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A lease to take on what was activated: its name, its file, and the folder that it keeps."""

    name: str
    file: str
    folder: str


@dataclass(frozen=True, slots=True)
class Activation:
    """What to set, what to unset, and what was activated: layers in the order in which they win."""

    variables: Mapping[str, str]
    unset: tuple[str, ...]
    generation: str
    environment: str
    cog: str
    layers: tuple[Layer, ...]
    notes: tuple[str, ...]

    def leases(self, prefix: str) -> list[LeaseRequest]:
        """Return the leases to take below `prefix`; a tree from which nothing is ever removed has none."""
        return leases_on(prefix, self.generation, self.cog)


def leases_on(prefix: str, generation: str, cog: str) -> list[LeaseRequest]:
    """Return the leases on a generation and a cog ("g0a1b2c3d/cog0.23.1-python3.12") that there are; "" is none."""
    cogs = cog.partition("/")[0]
    wanted = [(generation, f"{prefix}/monobase/{generation}")] if generation else []
    wanted += [(f"cog-{cogs}", f"{prefix}/cog/{cogs}")] if cogs else []
    every = [LeaseRequest(name, f"{prefix}/leases/{name}", folder) for name, folder in wanted]
    return [lease for lease in every if is_file(lease.file) and os.access(lease.file, os.R_OK)]


def activate(prefix: str, variables: Mapping[str, str]) -> Activation:
    """Return what `variables` activate of the tree at `prefix`.

    Raises WorkbenchError when a variable is wrong, when what is requested is not installed (with the
    nearest that is), and when layers contradict each other and that is not allowed.
    """
    if ":" in prefix or "\n" in prefix or not prefix.startswith("/"):
        raise WorkbenchError(f"MONOBASE_PREFIX={prefix} is not valid", hint="write an absolute path without a colon")
    request = read_request(variables)
    if not request.python:
        raise WorkbenchError("R8_PYTHON_VERSION is not set", hint="write it as 3.12")
    generation = generation_folder(prefix, request)
    environment = environment_layer(generation, request) if generation else None
    cog = cog_layer(prefix, request)
    layers = [layer for layer in (cog, environment) if layer is not None]
    notes = _conflicts(request, cog, environment)
    user = Layer(request.user, request.python)
    if request.user and os.path.exists(f"{request.user}/{USER_MARKER}"):
        notes += _tolerated(request, contradictions(user, environment, cog))
        layers.append(user)
    for layer in layers:
        _check_python(layer)
    if not layers:
        raise WorkbenchError(
            "there is nothing to activate: no cog layer is installed, and no environment is named",
            hint="set R8_TORCH_VERSION or MONOBASE_STACK",
        )
    entries = _entries(prefix, layers)
    name = os.path.basename(environment.root) if environment else ""
    cog_id = identity(cog) if cog else ""
    return _joined(variables, entries, os.path.basename(generation), name, cog_id, tuple(layers), tuple(notes))


def _check_python(layer: Layer) -> None:
    """Raise WorkbenchError when the layer's Python is not here: another one on PATH would run in its place."""
    program = f"{layer.bin}/python"
    if not os.access(program, os.X_OK):
        found = os.readlink(program) if os.path.islink(program) else program
        raise WorkbenchError(
            f"the Python of {identity(layer)} is missing here: {found}",
            hint=f"Python {layer.python} must be there, in the image of a model too",
        )


def _entries(prefix: str, layers: list[Layer]) -> dict[str, list[str]]:
    """Return what goes in front of each path; CUDA_HOME is the first layer's that has one."""
    python = [layer.site for layer in layers]
    # With this on its path an interpreter reads the .pth files of all layers, and one of another version says so.
    if os.path.isdir(f"{prefix}/bin/site"):
        python.append(f"{prefix}/bin/site")
    homes = [home for layer in layers if (home := layer.cuda_home())]
    return {
        "PATH": [layer.bin for layer in layers if os.path.isdir(layer.bin)],
        "PYTHONPATH": python,
        "LD_LIBRARY_PATH": [folder for layer in layers for folder in layer.libraries()],
        "CUDA_HOME": homes[:1],
    }


def _joined(
    given: Mapping[str, str],
    entries: Mapping[str, list[str]],
    generation: str,
    environment: str,
    cog: str,
    layers: tuple[Layer, ...],
    notes: tuple[str, ...],
) -> Activation:
    made = {"MONOBASE_GENERATION": generation, "MONOBASE_ENVIRONMENT": environment, "MONOBASE_COG": cog}
    # PYTHONHOME would be a Python's own home, and no environment's.
    made |= {"PYTHONHOME": "", "PYTHONUNBUFFERED": "1", "MONOBASE_LAYERS": ":".join(layer.site for layer in layers)}
    for name in PATHS:
        ours = ":".join(entries[name])
        before = _without(given.get(name, ""), given.get(_ACTIVE + name, ""))
        made[name] = ":".join(part for part in (ours, before) if part)
        made[_ACTIVE + name] = ours
    ours = "".join(entries["CUDA_HOME"])
    before = given.get("CUDA_HOME", "")
    made["CUDA_HOME"] = ours or ("" if before == given.get(f"{_ACTIVE}CUDA_HOME", "") else before)
    made[f"{_ACTIVE}CUDA_HOME"] = ours
    unset = tuple(sorted(name for name, text in made.items() if not text))
    kept = {name: text for name, text in sorted(made.items()) if text}
    return Activation(kept, unset, generation, environment, cog, layers, notes)


def _without(path: str, block: str) -> str:
    """Return `path` without the entries that an earlier activation put in as one block."""
    if not block:
        return path
    before, found, after = f":{path}:".partition(f":{block}:")
    if not found:
        return path
    return f"{before}:{after}".strip(":")


def _conflicts(request: ActivationRequest, cog: Layer | None, environment: Layer | None) -> list[str]:
    """Return the conflicts of the two layers of the prefix as notes; raises WorkbenchError unless they are allowed."""
    if cog is None or environment is None:
        return []
    generation, name = os.path.basename(os.path.dirname(environment.root)), os.path.basename(environment.root)
    path = f"{conflicts_folder(cog)}/{generation}.{name}"
    try:
        with open(path, encoding="utf-8") as file:
            found = file.read().splitlines()
    except OSError:
        found = [f"{os.path.basename(cog.root)} and {generation}/{name} were never compared: run `monobase build`"]
    return _tolerated(request, found)


def conflicts_folder(cog: Layer) -> str:
    """Return the folder of a cog's conflicts: one file for each environment, empty when there is none."""
    above, name = os.path.split(cog.root)
    return f"{os.path.dirname(above)}/conflicts/{os.path.basename(above)}/{name}"


def _tolerated(request: ActivationRequest, found: list[str]) -> list[str]:
    if found and not request.allow_conflicts:
        raise WorkbenchError(
            f"layers contradict each other: {'; '.join(found)}",
            hint="change one of them, or set MONOBASE_ALLOW_CONFLICTS=1 to let the first win",
        )
    return found
