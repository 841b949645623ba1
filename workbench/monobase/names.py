"""Which ids, names and versions may reach a path below the prefix."""

from __future__ import annotations

import re

from workbench.errors import UsageError, WorkbenchError

# Where hosts keep the prefix.
PREFIX = "/srv/r8/monobase"
# What locks are made for, as `uname -m` names it; where nothing is named it is the first.
X86 = "x86_64"
PLATFORMS = (X86, "aarch64")

_GENERATION = re.compile(r"g([0-9]{5})")
_PYTHON = re.compile(r"3\.(?:0|[1-9][0-9]?)t?")
_STACK = re.compile(r"[a-z][a-z0-9]*")
# Cog's runtime, which may be named instead of cog.
COGLET = "coglet"
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc|\.post|\.dev)[0-9]+)*")
_URL = re.compile(r"(?:https://|file:///)[A-Za-z0-9._~/:@%+=&?#-]+")


def generation_id(text: str) -> int:
    """Return the number of a generation: "8" is 8.

    Raises UsageError for anything else: "08" too, which shells and languages read as different numbers.
    """
    if re.fullmatch(r"0|[1-9][0-9]{0,4}", text):
        return int(text)
    hint = "write it without leading zeros" if re.fullmatch(r"0[0-9]+", text) else "write a number such as 2"
    raise UsageError(f"{text!r} is not a generation id", hint=hint)


def generation_name(number: int) -> str:
    """Return the name of a generation: 8 is "g00008"."""
    return f"g{number:05d}"


def generation_number(name: str) -> int | None:
    """Return the number of a generation's name: "g00008" is 8; None when it is no such name."""
    match = _GENERATION.fullmatch(name)
    return int(match[1]) if match else None


def is_python(text: str) -> bool:
    """Return whether `text` is a Python as folders name it: "3.11", or "3.13t" for a free-threaded one."""
    return _PYTHON.fullmatch(text) is not None


def is_stack(text: str) -> bool:
    """Return whether `text` may name a stack: it stands between hyphens in an environment's name."""
    return _STACK.fullmatch(text) is not None and not text.startswith("torch")


def is_version(text: str) -> bool:
    """Return whether `text` is a public version as paths may hold it; nothing local, no epoch."""
    return _VERSION.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Return whether `text` is an https address, or a file's, that a shell and a requirement may hold."""
    return _URL.fullmatch(text) is not None


def is_cog(text: str) -> bool:
    """Return whether `text` names a cog: a version, the address of a wheel, `coglet`, or `coglet==` and a version."""
    return is_version(text) or is_url(text) or text == COGLET or is_version(text.removeprefix(f"{COGLET}=="))


def environment_name(python: str, *, torch: str = "", cuda: str = "", stack: str = "") -> str:
    """Return the folder of an environment: by its torch and CUDA ("12.8" or "cpu"), or by its stack.

    Raises WorkbenchError when a part cannot be in a name.
    """
    for text, okay, what in (
        (python, is_python(python), "Python"),
        (torch, not torch or is_version(torch), "torch version"),
        (cuda, cuda in ("", "cpu") or re.fullmatch(r"[0-9]+\.[0-9]", cuda) is not None, "CUDA version"),
        (stack, not stack or is_stack(stack), "stack"),
    ):
        if not okay:
            raise WorkbenchError(f"{text!r} cannot be the {what} of an environment")
    if torch:
        return f"python{python}-torch{torch}-{cuda_tag(cuda)}"
    return f"python{python}-{stack}"


def cuda_tag(cuda: str) -> str:
    """Return how an environment's name says its CUDA: "12.8" is "cu128", none is "cpu"."""
    return "cpu" if cuda in ("", "cpu") else f"cu{cuda.replace('.', '')}"
