"""Runs inside a container: `validate_layer` gives this file to the image's Python, and it prints JSON.

Nothing is compared here, and only the standard library is used: it reports what it finds.
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
    """Return the version that a function of a library returns, by its first argument or as its result."""
    query = getattr(ctypes.CDLL(loads(library)), function)
    if not by_pointer:
        query.restype = ctypes.c_size_t
        return int(query())
    result = ctypes.c_int()
    query(ctypes.byref(result))
    return result.value


def versions() -> dict[str, Callable[[], str]]:
    """Return how to query each version, by its name in a release file."""

    def cudnn() -> str:
        version = number("cudnn", "cudnnGetVersion", by_pointer=False)
        return f"{version // 10000}.{version // 100 % 100}.{version % 100}"

    def nccl() -> str:
        version = number("nccl", "ncclGetVersion", by_pointer=True)
        return f"{version // 10000}.{version // 100 % 100}.{version % 100}"

    def cudart() -> str:
        version = number("cudart", "cudaRuntimeGetVersion", by_pointer=True)
        return f"{version // 1000}.{version % 1000 // 10}"

    def nvcc() -> str:
        output = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=False).stdout
        release = re.search(r"release ([0-9.]+)", output)
        return release[1] if release else output

    return {"cudart": cudart, "nccl": nccl, "cudnn": cudnn, "nvcc": nvcc}


def main(libraries: list[str], requested: list[str]) -> None:
    """Print which of `libraries` load, and the versions that are `requested` for."""
    found = {}
    for name in requested:
        try:
            found[name] = versions()[name]()
        except Exception as error:  # whatever is wrong with the image is the result
            found[name] = f"not reported: {error}"
    print(json.dumps({"libraries": {stem: loads(stem) for stem in libraries}, "versions": found}))


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2].split(","))
