"""Asked inside a container by `validate_cuda`, which pipes this file into the image's Python: prints JSON.

Nothing is compared here, and only the standard library is used: it tells what it sees.
"""

import ctypes
import json
import re
import subprocess
import sys
from collections.abc import Callable


def loads(stem: str) -> str:
    """Return the name under which the loader's cache has a library and which loads, or why there is none."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    names = re.findall(rf"^\s+(lib{stem}\.so\.[0-9]+) ", cache, re.MULTILINE)
    if not names:
        return "not in the loader's cache"
    try:
        ctypes.CDLL(names[0])
    except OSError as error:
        return f"does not load: {error}"
    return str(names[0])


def number(library: str, function: str, by_pointer: bool) -> int:
    """Return the version that a function of a library tells, by its first argument or as its result."""
    ask = getattr(ctypes.CDLL(loads(library)), function)
    if not by_pointer:
        ask.restype = ctypes.c_size_t
        return int(ask())
    told = ctypes.c_int()
    ask(ctypes.byref(told))
    return told.value


def versions() -> dict[str, Callable[[], str]]:
    """Return how to ask for each version, by its name in a release file."""

    def cudnn() -> str:
        told = number("cudnn", "cudnnGetVersion", by_pointer=False)
        return f"{told // 10000}.{told // 100 % 100}.{told % 100}"

    def nccl() -> str:
        told = number("nccl", "ncclGetVersion", by_pointer=True)
        return f"{told // 10000}.{told // 100 % 100}.{told % 100}"

    def cudart() -> str:
        told = number("cudart", "cudaRuntimeGetVersion", by_pointer=True)
        return f"{told // 1000}.{told % 1000 // 10}"

    def nvcc() -> str:
        said = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=False).stdout
        release = re.search(r"release ([0-9.]+)", said)
        return release[1] if release else said

    return {"cudart": cudart, "nccl": nccl, "cudnn": cudnn, "nvcc": nvcc}


def main(libraries: list[str], asked: list[str]) -> None:
    """Print which of `libraries` load, and the versions that are `asked` for."""
    found = {}
    for name in asked:
        try:
            found[name] = versions()[name]()
        except Exception as error:  # whatever is wrong with the image is the answer
            found[name] = f"not told: {error}"
    print(json.dumps({"libraries": {stem: loads(stem) for stem in libraries}, "versions": found}))


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2].split(","))
