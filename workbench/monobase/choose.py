"""Choosing a generation, an environment and a cog from the tree; on a miss, naming the nearest that is there."""

from __future__ import annotations

import hashlib
import os

from workbench.errors import WorkbenchError
from workbench.monobase.layer import DONE, Layer, names_in
from workbench.monobase.names import cuda_tag, generation_name, generation_number
from workbench.monobase.request import Wish

# How many names an error lists.
_LISTED = 10


class CogMissingError(WorkbenchError):
    """The prefix has no such cog: it can be installed beside it."""


def generation_folder(prefix: str, wish: Wish) -> str:
    """Return the folder of the generation that is asked for, the latest one if none is; "" when none is needed."""
    above = f"{prefix}/monobase"
    if wish.generation:
        name = generation_name(int(wish.generation))
        if not os.path.exists(f"{above}/{name}/{DONE}"):
            ready = [other for other in generations(prefix) if os.path.exists(f"{above}/{other}/{DONE}")]
            raise WorkbenchError(f"generation {name} is not ready here", hint=_there(ready))
        return f"{above}/{name}"
    try:
        target = os.readlink(f"{above}/latest")
    except OSError:
        target = ""
    name = os.path.basename(target)
    if generation_number(name) is not None and os.path.exists(f"{above}/{name}/{DONE}"):
        return f"{above}/{name}"
    if not (wish.torch or wish.stack or wish.cuda or wish.cudnn):
        return ""
    raise WorkbenchError("no generation is ready here", hint="run `monobase build`, or wait for it")


def generations(prefix: str) -> list[str]:
    """Return the names of the generations' folders below `prefix`, oldest first."""
    return [name for name in names_in(f"{prefix}/monobase") if generation_number(name) is not None]


def environment_layer(generation: str, wish: Wish) -> Layer | None:
    """Return the environment of `generation` that is asked for, None when none is.

    Raises WorkbenchError with the nearest that are there.
    """
    if wish.torch and wish.stack:
        raise WorkbenchError(
            "R8_TORCH_VERSION and MONOBASE_STACK are both set",
            hint="a stack is an environment without torch: unset one",
        )
    there = [name for name in names_in(generation) if os.path.exists(f"{generation}/{name}/{DONE}")]
    if not (wish.torch or wish.stack):
        if wish.cuda or wish.cudnn:
            raise WorkbenchError(
                "CUDA or cuDNN is asked for, and no environment",
                hint=f"set R8_TORCH_VERSION or MONOBASE_STACK; {_there(there)}",
            )
        return None
    name = _torch(there, wish) if wish.torch else f"python{wish.python}-{wish.stack}"
    if name not in there:
        raise WorkbenchError(
            f"{os.path.basename(generation)} has no environment {name}", hint=_there(_nearest(there, wish))
        )
    layer = Layer(f"{generation}/{name}", wish.python)
    cuda = ".".join(layer.version("nvidia_cuda_runtime").split(".")[:2])
    if wish.stack and wish.cuda and wish.cuda != (cuda or "cpu"):
        raise WorkbenchError(
            f"{name} brings CUDA {cuda or 'none'}, and not {wish.cuda}", hint=_there(_nearest(there, wish))
        )
    cudnn = layer.version("nvidia_cudnn").partition(".")[0]
    if wish.cudnn and wish.cudnn != cudnn:
        raise WorkbenchError(
            f"{name} brings cuDNN {cudnn or 'none'}, and not {wish.cudnn}", hint=_there(_nearest(there, wish))
        )
    return layer


def _torch(there: list[str], wish: Wish) -> str:
    """Return the name of the torch environment: without a CUDA, the only one that there is, or the CPU's."""
    stem = f"python{wish.python}-torch{wish.torch}-"
    if wish.cuda:
        return stem + cuda_tag(wish.cuda)
    fitting = [name for name in there if name.startswith(stem)]
    return fitting[0] if len(fitting) == 1 else f"{stem}cpu"


def _nearest(there: list[str], wish: Wish) -> list[str]:
    """Return the environments like the one that is asked for: same torch first, then same Python, then all."""
    for part, what in ((f"python{wish.python}-torch{wish.torch}-", wish.torch), (f"-torch{wish.torch}-", wish.torch)):
        if what and (found := [name for name in there if part in name]):
            return found
    if wish.stack and (found := [name for name in there if name.endswith(f"-{wish.stack}")]):
        return found
    return [name for name in there if name.startswith(f"python{wish.python}-")] or there


def cog_layer(prefix: str, wish: Wish) -> Layer | None:
    """Return the cog that is asked for, else the default of its Python; None when no cog is installed at all.

    Raises CogMissingError when the one that is asked for is neither in the prefix nor beside it, and
    WorkbenchError when the layer has no default for that Python.
    """
    latest = f"{prefix}/cog/latest"
    target = os.path.basename(os.readlink(latest)) if os.path.islink(latest) else ""
    folder = f"{prefix}/cog/{target}"
    there = (
        [name for name in names_in(folder) if name.startswith("cog") and os.path.exists(f"{folder}/{name}/{DONE}")]
        if target
        else []
    )
    if not wish.cog:
        if not target:
            return None
        link = f"{folder}/default-python{wish.python}"
        name = os.path.basename(os.readlink(link)) if os.path.islink(link) else ""
        if name not in there:
            raise WorkbenchError(f"no cog is installed for Python {wish.python}", hint=_there(there))
        return Layer(f"{folder}/{name}", wish.python)
    name = f"{cog_name(wish.cog)}-python{wish.python}"
    for above in (folder if target else "", f"{wish.cache}/cog" if wish.cache else ""):
        if above and os.path.exists(f"{above}/{name}/{DONE}"):
            return Layer(f"{above}/{name}", wish.python)
    hint = f"`monobase cog --version {wish.cog} --python {wish.python}` installs it beside the prefix; {_there(there)}"
    raise CogMissingError(f"cog {wish.cog} is not installed for Python {wish.python}", hint=hint)


def cog_name(cog: str) -> str:
    """Return the first part of a cog's folder: by its version, or by the sha256 of its address."""
    if cog.startswith("https://"):
        return f"cog{hashlib.sha256(cog.encode()).hexdigest()[:8]}"
    return f"cog{cog}"


def _there(names: list[str]) -> str:
    if not names:
        return "there is none"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"there is {', '.join(names[:_LISTED])}{more}"
