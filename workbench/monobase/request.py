"""What the variables of a model request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.monobase.names import is_cog, is_stack, is_version

_ID = re.compile(r"0|[1-9][0-9]{0,4}")
_NUMBERS = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")


@dataclass(frozen=True, slots=True)
class ActivationRequest:
    """The requested environment; "" where a variable is not set.

    `generation` is a number, `python` and `cuda` are major.minor (`cuda` may be "cpu"), `cudnn` is a
    major version, `torch` a full one, `stack` names an environment without torch, `cog` is a version
    or an https or file address. `user` is the folder of the user's layer, `cache` where a cog goes that the
    prefix does not have; `allow_conflicts` says that layers may contradict each other.
    """

    generation: str = ""
    cog: str = ""
    cuda: str = ""
    cudnn: str = ""
    python: str = ""
    torch: str = ""
    stack: str = ""
    user: str = ""
    cache: str = ""
    allow_conflicts: bool = False


def read_request(variables: Mapping[str, str]) -> ActivationRequest:
    """Return what `variables` request; R8_… wins over the earlier unprefixed name, and an empty one counts as unset.

    Raises WorkbenchError for a value that is not valid: `08`, `3`, `../x`.
    """

    def value(name: str) -> str:
        return variables.get(f"R8_{name}", "") or variables.get(name, "")

    generation = variables.get("MONOBASE_GEN_ID", "")
    if generation and not _ID.fullmatch(generation):
        raise _wrong("MONOBASE_GEN_ID", generation, "write a number without leading zeros, such as 2")
    cog = variables.get("R8_COG_VERSION", "")
    if cog and not is_cog(cog):
        raise _wrong(
            "R8_COG_VERSION", cog, "write a version such as 0.23.1, coglet==0.23.1, or an https or file address"
        )
    torch = value("TORCH_VERSION")
    if torch and not is_version(torch):
        raise _wrong("R8_TORCH_VERSION", torch, "write it as 2.10.0, and its CUDA in R8_CUDA_VERSION")
    stack = variables.get("MONOBASE_STACK", "")
    if stack and not is_stack(stack):
        raise _wrong("MONOBASE_STACK", stack, "write lowercase letters and digits")
    cuda = value("CUDA_VERSION")
    home = variables.get("HOME", "")
    cache = variables.get("MONOBASE_CACHE", "") or (f"{home}/.cache/monobase" if home else "")
    return ActivationRequest(
        generation=generation,
        cog=cog,
        cuda=cuda if cuda in ("", "cpu") else _numbers("R8_CUDA_VERSION", cuda, 2, "12.8"),
        cudnn=_numbers("R8_CUDNN_VERSION", value("CUDNN_VERSION"), 1, "9"),
        python=_python(value("PYTHON_VERSION")),
        torch=torch,
        stack=stack,
        user=variables.get("MONOBASE_USER", "") or (f"{cache}/user" if cache else ""),
        cache=cache,
        allow_conflicts=variables.get("MONOBASE_ALLOW_CONFLICTS", "") == "1",
    )


def _python(text: str) -> str:
    """Return the Python of a version; 3.13t and 3.13.1t are the free-threaded one."""
    free = "t" if text.endswith("t") and text[-2:-1].isdigit() else ""
    return _numbers("R8_PYTHON_VERSION", text.removesuffix(free) if free else text, 2, "3.12") + free


def _numbers(name: str, text: str, count: int, example: str) -> str:
    """Return the first `count` numbers of a version: 12.4 and 12.4.1 are one CUDA (fault M11)."""
    if not text:
        return ""
    parts = text.split(".")
    if not _NUMBERS.fullmatch(text) or len(parts) < count:
        raise _wrong(name, text, f"write it as {example}")
    return ".".join(parts[:count])


def _wrong(name: str, text: str, hint: str) -> WorkbenchError:
    return WorkbenchError(f"{name}={text} is not valid", hint=hint)
