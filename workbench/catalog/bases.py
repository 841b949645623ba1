"""The bases that a recipe may stand on, and the names of their images (design: the tag)."""

from __future__ import annotations

import re

from workbench.catalog.values import Catalogue
from workbench.errors import UsageError
from workbench.names import is_image, pick, python_folder

# Base choice -> the stem of its image's tag. Runtime, devel and thin share the recipe's tag by the
# scheme (fault W6), so a folder made from the one is never overwritten by the other.
BASES = {
    "standard": "base-{os}-{python}",
    "cuda": "cuda-{os}-{python}-runtime-cudnn",
    "cuda-devel": "cuda-{os}-{python}-devel-cudnn",
    "cuda-thin": "cuda-{os}-{python}-base",
}
_CUDA_WORD = re.compile(r"(?:^|[^a-z])cuda(?:[^a-z]|$)")


def check_base(base: str) -> str:
    """Return `base` when it is one of ours or an image reference; raises UsageError or WorkbenchError."""
    if base in BASES:
        return base
    if "/" in base or ":" in base:
        if is_image(base):
            return base
        raise UsageError(f"{base!r} is no image reference", hint="write it as registry.example.com/team/image:tag")
    return pick(base, BASES, "base")


def base_tag(base: str, os: str, python: str, release: str, date: str) -> str:
    """Return the tag of the image that a base choice of ours stands for; `python` as "3.11"."""
    return f"{BASES[base].format(os=os, python=python_folder(python))}_{release}_{date}"


def layer_of(base: str) -> str:
    """Return the CUDA layer that a base of ours stands for: "runtime-cudnn" for cuda, "" where there is none."""
    stem = BASES.get(base, "")
    return stem.partition("{python}-")[2]


def has_cuda(base: str) -> bool:
    """Return whether a recipe on `base` is a CUDA one: ours by its name, a foreign one by the word in it."""
    return base.startswith("cuda") if base in BASES else _CUDA_WORD.search(base.lower()) is not None


def base_label(catalogue: Catalogue, release: str, base: str) -> str:
    """Return how the wizard shows a base of ours, with the CUDA version that the release pins."""
    cuda = f"CUDA {catalogue.releases[release].cuda.get('version', '')}".rstrip()
    labels = {
        "standard": "Standard (no CUDA)",
        "cuda": f"{cuda} runtime with cuDNN",
        "cuda-devel": f"{cuda} devel with cuDNN (compilers and headers)",
        "cuda-thin": f"{cuda} environment only, for wheels that bring their own",
    }
    return labels[base]
