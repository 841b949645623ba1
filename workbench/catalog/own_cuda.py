"""Bundles whose wheels bring a CUDA of their own: which they are, and what the base cuda-thin saves them."""

from __future__ import annotations

from functools import lru_cache

from workbench.catalog.bases import BaseDefinition, thin_base
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.cuda_layers import LAYERS
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue, Release
from workbench.catalog.views import at_release
from workbench.names import python_folder
from workbench.packages import pins


def locked(catalogue: Catalogue, bundle: str, python: str) -> dict[str, str]:
    """Return the versions that `bundle` is locked to for `python` ("3.11"), by package; none if it has no such lock."""
    chosen, folder = catalogue.bundles[bundle], python_folder(python)
    if "requirements.txt" not in chosen.pythons.get(folder, ()):
        return {}
    text = catalogue.tree.text(f"{chosen.folder}/{folder}/requirements.txt")
    return dict(pins(text))


def own_cuda(catalogue: Catalogue, bundle: str, python: str) -> str:
    """Return the CUDA version that the wheels of `bundle` bring, "" when they bring none.

    `catalogue` is as the release sees it. releases/compat.toml names the wheels that show it, the same for all
    releases: that is known better today than when one was frozen. Raises FaultsError when it cannot be read.
    """
    wheels = _wheels(at_release(catalogue, "").tree)
    versions = locked(catalogue, bundle, python) if wheels else {}
    return next((versions[name] for name in wheels if name in versions), "")


@lru_cache(maxsize=1)
def _wheels(tree: CatalogueTree) -> tuple[str, ...]:
    # A tree keeps what it read, so what was made of it may be kept as well.
    return read_compatibility(tree).cuda_wheels


def holds_cuda_twice(catalogue: Catalogue, release: Release, base: BaseDefinition, bundle: str, python: str) -> bool:
    """Return whether the libraries of `base` would stand unused beside those that the bundle brings.

    Never for a base that has no more than the release's thin one, nor where there is no thin one to take.
    """
    thin = thin_base(release.bases)
    return thin is not None and base.layer not in ("", thin.layer) and own_cuda(catalogue, bundle, python) != ""


def saved_bytes(release: Release, os: str, base: BaseDefinition) -> int:
    """Return the bytes by which the release's thin base is smaller than `base` on `os`; 0 where it is not known."""
    sizes, thin = release.cuda_sizes.get(os, {}), thin_base(release.bases)
    layer, count = base.layer, 0
    while layer not in ("", thin.layer if thin else ""):
        if layer not in sizes:
            return 0
        count += sizes[layer]
        layer = LAYERS[layer]
    return count


def savings(release: Release, base: BaseDefinition, os: str = "") -> str:
    """Return what the thin base saves against `base` in words: "2.6 GB smaller on bookworm", or "smaller".

    Without `os`, for the first system of the release where it was measured.
    """
    for name in [os] if os else release.systems:
        if count := saved_bytes(release, name, base):
            return f"{count / 1e9:.1f} GB smaller on {name}"
    return f"smaller (not measured on {os})" if os else "smaller"


def thin_advice(catalogue: Catalogue, release: Release, base: BaseDefinition, os: str, python: str, bundle: str) -> str:
    """Return why the thin base would suit these choices better and what it saves, "" when it would not.

    `catalogue` is as the release sees it.
    """
    thin = thin_base(release.bases)
    if thin is None or not holds_cuda_twice(catalogue, release, base, bundle, python):
        return ""
    count = saved_bytes(release, os, base)
    exactly = f" ({count:,} bytes)" if count else ""
    own = own_cuda(catalogue, bundle, python)
    compilers = ", and has no compiler" if base.compilers else ""
    return (
        f"the wheels of {bundle} bring CUDA {own} of their own, so on the base {base.name} the image holds CUDA twice: "
        f"on {thin.name} it is {savings(release, base, os)}{exactly}{compilers}"
    )
