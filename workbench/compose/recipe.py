"""A recipe: everything that its folder will hold, before a byte of it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import tomli_w

from workbench import __version__
from workbench.catalog.questions import Selection
from workbench.compose.resolve import ResolvedSelection
from workbench.tag import Tag

CONTAINERFILE = "Containerfile"
MANIFEST = "recipe.toml"
FORMAT = 1
# What building leaves in a recipe's folder. It describes one image, and is no part of the recipe: a folder with
# it is the same recipe still.
SBOM = "sbom.cdx.json"
PROVENANCE = "provenance.json"
RECORDS = (SBOM, PROVENANCE)


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the Containerfile: what it does, which catalogue file it is from, its text.

    `line` is where its text starts in the Containerfile (from 1). `exact` says that its lines are
    the catalogue file's lines, so that a fault can be pointed at there; a template's are not.
    """

    title: str
    origin: str
    text: str
    line: int
    exact: bool


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A file of the recipe folder: its bytes, whether it may be executed, the catalogue file it is from."""

    data: bytes
    executable: bool
    origin: str

    @property
    def digest(self) -> str:
        """The sha256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A composed recipe.

    `files` are by path relative to the folder, the Containerfile and recipe.toml included;
    `inputs` are the sha256 of every catalogue file that had a part in it, by path.
    """

    resolved: ResolvedSelection
    sections: tuple[Section, ...]
    files: Mapping[str, RecipeFile]
    inputs: Mapping[str, str]

    @property
    def selection(self) -> Selection:
        """What it is the recipe for."""
        return self.resolved.selection

    @property
    def tag(self) -> Tag:
        """The tag of its image, which its folder is named after."""
        return self.resolved.tag

    @property
    def image(self) -> str:
        """The base image that FROM names."""
        return self.resolved.image

    @property
    def containerfile(self) -> str:
        """The text of the Containerfile."""
        return self.files[CONTAINERFILE].data.decode()

    @property
    def source(self) -> str:
        """One digest for all that the recipe was made from: what the image's source label says."""
        return source_digest(self.inputs)


def source_digest(inputs: Mapping[str, str]) -> str:
    """Return one sha256 over catalogue paths and their digests, in hexadecimal."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(inputs.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def manifest_text(
    selection: Selection, tag: str, image: str, inputs: Mapping[str, str], files: Mapping[str, RecipeFile]
) -> str:
    """Return the text of recipe.toml: selection, catalogue digests and files. No clock, no machine."""
    data = {
        "format": FORMAT,
        "tag": tag,
        "from": image,
        "tool": __version__,
        "selection": selection.as_recorded(),
        "inputs": dict(sorted(inputs.items())),
        "files": {path: file.digest for path, file in sorted(files.items())},
    }
    return tomli_w.dumps(data)
