"""Choosing the generation, the environment and the cog that are requested, or naming the nearest that exist."""

from __future__ import annotations

import hashlib
import os

from workbench.errors import WorkbenchError
from workbench.monobase.layer import Layer, environments_in, has_manifest, names_in
from workbench.monobase.names import COGLET, cuda_tag, generation_name, generation_number
from workbench.monobase.request import ActivationRequest

# How many names an error lists at most.
_LISTED = 10


class CogMissingError(WorkbenchError):
    """The prefix has no such cog; it can be installed beside the prefix."""


def generation_folder(prefix: str, request: ActivationRequest) -> str:
    """Return the folder of the requested generation, the latest one if none is; "" when none is needed."""
    above = f"{prefix}/monobase"
    if request.generation:
        name = generation_name(int(request.generation))
        if not has_manifest(f"{above}/{name}"):
            ready = [other for other in generations(prefix) if has_manifest(f"{above}/{other}")]
            raise WorkbenchError(f"generation {name} is not ready here", hint=_available(ready))
        return f"{above}/{name}"
    name = _target(f"{above}/latest")
    if generation_number(name) is not None and has_manifest(f"{above}/{name}"):
        return f"{above}/{name}"
    if not (request.torch or request.stack or request.cuda or request.cudnn):
        return ""
    raise WorkbenchError("no generation is ready here", hint="run `monobase build`, or wait for it")


def generations(prefix: str) -> list[str]:
    """Return the names of the generations' folders below `prefix`, oldest first."""
    return [name for name in names_in(f"{prefix}/monobase") if generation_number(name) is not None]


def environment_layer(generation: str, request: ActivationRequest) -> Layer | None:
    """Return the environment of `generation` that is requested, None when none is.

    Raises WorkbenchError with the nearest that exist.
    """
    if request.torch and request.stack:
        raise WorkbenchError(
            "R8_TORCH_VERSION and MONOBASE_STACK are both set",
            hint="a stack is an environment without torch: unset one",
        )
    ready = environments_in(generation)
    if not (request.torch or request.stack):
        if request.cuda or request.cudnn:
            raise WorkbenchError(
                "CUDA or cuDNN is requested without an environment",
                hint=f"set R8_TORCH_VERSION or MONOBASE_STACK; {_available(ready)}",
            )
        return None
    name = _torch(ready, request) if request.torch else f"python{request.python}-{request.stack}"
    if name not in ready:
        raise WorkbenchError(
            f"{os.path.basename(generation)} has no environment {name}", hint=_available(_nearest(ready, request))
        )
    layer = Layer(f"{generation}/{name}", request.python)
    cuda = ".".join(layer.version("nvidia_cuda_runtime").split(".")[:2])
    if request.stack and request.cuda and request.cuda != (cuda or "cpu"):
        raise WorkbenchError(
            f"{name} brings CUDA {cuda or 'none'}, not {request.cuda}", hint=_available(_nearest(ready, request))
        )
    cudnn = layer.version("nvidia_cudnn").partition(".")[0]
    if request.cudnn and request.cudnn != cudnn:
        raise WorkbenchError(
            f"{name} brings cuDNN {cudnn or 'none'}, not {request.cudnn}", hint=_available(_nearest(ready, request))
        )
    return layer


def _torch(ready: list[str], request: ActivationRequest) -> str:
    """Return the name of the torch environment: without a CUDA, the only one that exists, or the CPU's."""
    stem = f"python{request.python}-torch{request.torch}-"
    if request.cuda:
        return stem + cuda_tag(request.cuda)
    fitting = [name for name in ready if name.startswith(stem)]
    return fitting[0] if len(fitting) == 1 else f"{stem}cpu"


def _nearest(ready: list[str], request: ActivationRequest) -> list[str]:
    """Return the environments closest to the requested one: same torch first, then same Python, then all."""
    for part, what in (
        (f"python{request.python}-torch{request.torch}-", request.torch),
        (f"-torch{request.torch}-", request.torch),
    ):
        if what and (found := [name for name in ready if part in name]):
            return found
    if request.stack and (found := [name for name in ready if name.endswith(f"-{request.stack}")]):
        return found
    return [name for name in ready if name.startswith(f"python{request.python}-")] or ready


def cog_layer(prefix: str, request: ActivationRequest) -> Layer | None:
    """Return the requested cog, else the default of its Python; None when no cog is installed at all.

    Raises CogMissingError when the requested one is neither in the prefix nor beside it, and
    WorkbenchError when the layer has no default for that Python.
    """
    target = _target(f"{prefix}/cog/latest")
    folder = f"{prefix}/cog/{target}"
    ready = [name for name in environments_in(folder) if name.startswith("cog")] if target else []
    if not request.cog:
        if not target:
            return None
        name = _target(f"{folder}/default-python{request.python}")
        if name not in ready:
            raise WorkbenchError(f"no cog is installed for Python {request.python}", hint=_available(ready))
        return Layer(f"{folder}/{name}", request.python)
    name = f"{cog_name(request.cog)}-python{request.python}"
    if name in ready:
        return Layer(f"{folder}/{name}", request.python)
    beside = Layer(f"{request.cache}/cog/{name}", request.python)
    if request.cache and beside.is_ready:
        return beside
    command = f"monobase cog --version {request.cog} --python {request.python}"
    hint = f"`{command}` installs it beside the prefix; {_available(ready)}"
    raise CogMissingError(f"cog {request.cog} is not installed for Python {request.python}", hint=hint)


def _target(link: str) -> str:
    """Return the name of the folder beside `link` that it leads to, "" for none."""
    if not os.path.islink(link) or not os.path.isdir(link):
        return ""
    above, name = os.path.dirname(link), os.path.basename(os.readlink(link))
    beside = f"{above}/{name}"
    return name if os.path.isdir(beside) and not os.path.islink(beside) and os.path.samefile(beside, link) else ""


def cog_name(cog: str) -> str:
    """Return the first part of a cog's folder: by its version, or by the sha256 of its address; coglet's is coglet…."""
    if cog.startswith(("https://", "file:///")):
        return f"{cog_package(cog)}{hashlib.sha256(cog.encode()).hexdigest()[:8]}"
    if cog_package(cog) == COGLET:
        return f"{COGLET}{cog.removeprefix(COGLET).removeprefix('==') or 'latest'}"
    return f"cog{cog}"


def cog_package(cog: str) -> str:
    """Return which package a cog is: coglet where its name or its address has that word."""
    return COGLET if COGLET in cog else "cog"


def _available(names: list[str]) -> str:
    if not names:
        return "none is available"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"available: {', '.join(names[:_LISTED])}{more}"
