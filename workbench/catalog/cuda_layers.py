"""The chain of CUDA images on the standard base: which layer stands on which, and their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workbench.names import pick, python_folder

FOLDER = "cuda-layer"
# NVIDIA's wheels, by CUDA version: a Pipfile, its lock and a list for each layer.
WHEELS = "cuda-layer/wheels"
# Layer -> the layer it stands on; "" is the standard base image. Each comes after the one below it.
LAYERS = {"base": "", "runtime": "base", "runtime-cudnn": "runtime", "devel": "runtime", "devel-cudnn": "devel"}
# The layer that the tag `cuda-base-…` is another name of.
MAIN = "runtime-cudnn"
# The layers that need a compiler: not every operating system has one for every CUDA.
WITH_NVCC = ("devel", "devel-cudnn")


def layer_folder(layer: str) -> str:
    """Return where a layer's files are in the catalogue: devel-cudnn in `cuda-layer/devel/cudnn`."""
    return f"{FOLDER}/{layer.replace('-', '/')}"


def standard_tag(os: str, python: str, release: str, date: str) -> str:
    """Return the tag of the standard base image, which `make base` makes and the layers stand on."""
    return f"base-{os}-{python_folder(python)}_{release}_{date}"


def layer_tags(layer: str, os: str, python: str, release: str, date: str) -> tuple[str, ...]:
    """Return the tags of a layer's image, the one it is known by first; `python` as "3.11"."""
    end = f"{release}_{date}"
    tag = f"cuda-{os}-{python_folder(python)}-{layer}_{end}"
    return (tag, f"cuda-base-{os}-{python_folder(python)}_{end}") if layer == MAIN else (tag,)


def with_those_below(layers: Iterable[str]) -> tuple[str, ...]:
    """Return `layers` and every layer that they stand on, those below first.

    Raises WorkbenchError for a name that is none.
    """
    wanted = {below for layer in layers for below in _down_from(pick(layer, LAYERS, "CUDA layer"))}
    return tuple(layer for layer in LAYERS if layer in wanted)


def _down_from(layer: str) -> Iterator[str]:
    while layer:
        yield layer
        layer = LAYERS[layer]
