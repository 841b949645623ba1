"""Bundles whose wheels bring a CUDA of their own: which they are, and what the base cuda-thin saves them."""

from __future__ import annotations

from functools import lru_cache

from workbench.catalog.bases import layer_of
from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.pairs import read_pairs
from workbench.catalog.tree import Tree
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.names import python_folder
from workbench.packages import pins

# The base that has CUDA's environment and runtime library, and nothing that such wheels bring.
THIN = "cuda-thin"


def locked(catalogue: Catalogue, bundle: str, python: str) -> dict[str, str]:
    """Return the versions that `bundle` is locked to for `python` ("3.11"), by package; none if it has no such lock."""
    chosen, folder = catalogue.bundles[bundle], python_folder(python)
    if "requirements.txt" not in chosen.pythons.get(folder, ()):
        return {}
    text = catalogue.tree.text(f"{chosen.folder}/{folder}/requirements.txt")
    return dict(pins(text))


def own_cuda(catalogue: Catalogue, bundle: str, python: str) -> str:
    """Return the CUDA version that the wheels of `bundle` bring, "" when they bring none.

    `catalogue` is what a release sees of it. Which wheels tell it says releases/compat.toml, the same for
    all releases: that is known better today than when one was frozen. Raises FaultsError when it cannot be read.
    """
    wheels = _wheels(at_release(catalogue, "").tree)
    versions = locked(catalogue, bundle, python) if wheels else {}
    return next((versions[name] for name in wheels if name in versions), "")


@lru_cache(maxsize=1)
def _wheels(tree: Tree) -> tuple[str, ...]:
    # A tree keeps what it read, so what was made of it may be kept as well.
    return read_pairs(tree).cuda_wheels


def holds_cuda_twice(catalogue: Catalogue, base: str, python: str, bundle: str) -> bool:
    """Return whether the libraries of `base` would stand unused beside those that the bundle brings."""
    return layer_of(base) not in ("", layer_of(THIN)) and own_cuda(catalogue, bundle, python) != ""


def saved_bytes(catalogue: Catalogue, release: str, os: str, base: str) -> int:
    """Return the bytes by which cuda-thin is smaller than `base` on `os`; 0 when that was not measured."""
    sizes = catalogue.releases[release].cuda_sizes.get(os, {})
    layer, count = layer_of(base), 0
    while layer not in ("", layer_of(THIN)):
        if layer not in sizes:
            return 0
        count += sizes[layer]
        layer = LAYERS[layer]
    return count


def savings(catalogue: Catalogue, release: str, base: str = "cuda", os: str = "") -> str:
    """Return what cuda-thin saves against `base` in words: "2.6 GB smaller on bookworm", or "smaller".

    Without `os`, for the first system of the release where it was measured.
    """
    for name in [os] if os else catalogue.releases[release].systems:
        if count := saved_bytes(catalogue, release, name, base):
            return f"{count / 1e9:.1f} GB smaller on {name}"
    return f"smaller (not measured on {os})" if os else "smaller"


def thin_advice(catalogue: Catalogue, release: str, base: str, os: str, python: str, bundle: str) -> str:
    """Return why cuda-thin would suit these choices better and what it saves, "" when it would not."""
    seen = at_release(catalogue, release)
    if not holds_cuda_twice(seen, base, python, bundle):
        return ""
    count = saved_bytes(catalogue, release, os, base)
    exactly = f" ({count:,} bytes)" if count else ""
    own = own_cuda(seen, bundle, python)
    compilers = ", and has no compiler" if base == "cuda-devel" else ""
    return (
        f"the wheels of {bundle} bring CUDA {own} of their own, so on the base {base} the image holds CUDA twice: "
        f"on {THIN} it is {savings(catalogue, release, base, os)}{exactly}{compilers}"
    )
