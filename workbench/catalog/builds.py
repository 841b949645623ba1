"""Packages of Python that have no build for an architecture: recorded beside the lists when those are locked."""

from __future__ import annotations

from workbench.catalog.tree import CatalogueTree
from workbench.packages import normalized_name, pins, requirement_lines


def record_name(architecture: str) -> str:
    """Return the file in a folder of lists that names its packages without a build for `architecture`."""
    return f"unavailable.{architecture}.txt"


def without_build(tree: CatalogueTree, folder: str, architecture: str) -> dict[str, list[str]]:
    """Return, by requirement list in `folder`, its packages that are recorded as having no build for `architecture`."""
    path = f"{folder}/{record_name(architecture)}"
    if not tree.exists(path):
        return {}
    recorded = {normalized_name(line) for _, line in requirement_lines(tree.text(path))}
    lists = [file for file in tree.folder(folder)[1] if file.startswith("requirements") and file.endswith(".txt")]
    # The bundle's own comes before those of IDEs.
    lists.sort(key=lambda file: file != "requirements.txt")
    found = {file: [name for name, _ in pins(tree.text(f"{folder}/{file}")) if name in recorded] for file in lists}
    return {file: packages for file, packages in found.items() if packages}
