"""Which builds of torch there are beside the package index's own for x86_64: `builds.toml`, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog.faults import Faults
from workbench.catalog.toml_file import read_toml
from workbench.catalog.tree import CatalogueTree
from workbench.monobase.names import PLATFORMS, X86, cuda_tag

FILE = "builds.toml"
_ROW = {
    "torch": list,
    "cuda": list,
    "pythons": list,
    "platform": str,
    "index": str,
    "lacks": list,
    "source": str,
    "checked": str,
}


@dataclass(frozen=True, slots=True)
class TorchBuilds:
    """Builds that exist: each of `torch` with each of `cuda` ("12.6" or "cpu") for each of `pythons`, on a platform.

    `index` is the variable of the index that has them, with `*` for the build's tag (CU126), "" for the package index.
    `lacks` are packages that otherwise go with that torch, and have no wheel for these.
    """

    torch: tuple[str, ...]
    cuda: tuple[str, ...]
    pythons: tuple[str, ...]
    platform: str = X86
    index: str = ""
    lacks: tuple[str, ...] = ()

    def variable(self, cuda: str) -> str:
        """Return the variable of the index that has the build for `cuda`, "" for the package index."""
        return self.index.replace("*", cuda_tag(cuda).upper())


def read_builds(folder: Path) -> Sequence[TorchBuilds]:
    """Return the builds that the data `folder` knows, none where it has no such file.

    Raises FaultsError with every fault, a row without its source or date included.
    """
    tree = CatalogueTree(str(folder))
    if not tree.exists(FILE):
        return ()
    faults = Faults()
    data = read_toml(tree, FILE, {"build": {"*": _ROW}}, faults).get("build", {})
    for name, row in data.items():
        for key in ("torch", "cuda", "pythons", "source", "checked"):
            if not row.get(key):
                faults.add(FILE, f"build.{name} does not say its {key}")
        if row.get("platform", X86) not in PLATFORMS:
            faults.add(FILE, f"build.{name}: {row['platform']!r} is not a platform: {' or '.join(PLATFORMS)}")
    faults.raise_if_any(FILE)
    return tuple(
        TorchBuilds(
            tuple(row["torch"]),
            tuple(row["cuda"]),
            tuple(row["pythons"]),
            row.get("platform", X86),
            row.get("index", ""),
            tuple(row.get("lacks", ())),
        )
        for row in data.values()
    )
