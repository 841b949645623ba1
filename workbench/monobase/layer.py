"""One layer below the prefix or beside it, as activation sees it: folders, and what its packages bring.

A user's layer has a marker that says which layers it was resolved against: it fits no others (fault M21).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

DONE = ".done"
USER_MARKER = ".monobase"


@dataclass(frozen=True, slots=True)
class Layer:
    """An environment at `root` for Python `python` ("3.11"). It is inspected without running any of it."""

    root: str
    python: str

    @property
    def bin(self) -> str:
        """Where its commands are."""
        return f"{self.root}/bin"

    @property
    def site(self) -> str:
        """Where its packages are."""
        return f"{self.root}/lib/python{self.python}/site-packages"

    @property
    def is_ready(self) -> bool:
        """Whether it was finished."""
        return is_file(f"{self.root}/{DONE}") and not os.path.islink(self.root)

    def libraries(self) -> list[str]:
        """Return the folders of the libraries that NVIDIA's wheels bring, sorted."""
        nvidia = f"{self.site}/nvidia"
        folders = (f"{nvidia}/{name}/lib" for name in names_in(nvidia))
        return [folder for folder in folders if os.path.isdir(folder)]

    def cuda_home(self) -> str:
        """Return the toolkit's folder, "" for none: a whole one from CUDA 13 on, before that the compiler's part."""
        nvidia = f"{self.site}/nvidia"
        whole = [name for name in names_in(nvidia) if name.startswith("cu") and name[2:].isdigit()]
        for name in (*whole, "cuda_nvcc", "cuda_runtime"):
            if os.path.isdir(f"{nvidia}/{name}"):
                return f"{nvidia}/{name}"
        return ""

    def version(self, package: str) -> str:
        """Return the version of NVIDIA's `package` ("nvidia_cuda_runtime", with or without -cu12), "" for none."""
        for name in names_in(self.site):
            stem, _, version = name.removesuffix(".dist-info").partition("-")
            suffix = stem.removeprefix(package)
            plain = suffix == "" or (suffix.startswith("_cu") and suffix[3:].isdigit())
            if name.endswith(".dist-info") and stem.startswith(package) and plain:
                return version
        return ""


def is_file(path: str) -> bool:
    """Return whether `path` is a regular file; a link to one is none."""
    return os.path.isfile(path) and not os.path.islink(path)


def has_manifest(folder: str) -> bool:
    """Return whether the generation in `folder` has a manifest, and so is finished."""
    return bool(_manifest(folder))


def environments_in(folder: str) -> list[str]:
    """Return the environments of a generation that are ready, in order: those that its manifest names, as it does.

    One that was put beside them, or in the place of one of them, is not among them.
    """
    manifest = set(_manifest(folder))
    return [name for name in (names_in(folder) if manifest else ()) if _named(folder, name) in manifest]


def _manifest(folder: str) -> list[str]:
    """Return the lines of a generation's manifest; none when it has none."""
    lines = _lines(folder)
    return lines if lines and lines[0].startswith("generation sha256:") else []


def _named(folder: str, name: str) -> str:
    """Return the line by which a manifest names the environment `name` that is there."""
    digest = "".join(_lines(f"{folder}/{name}")[1:2]).removeprefix(' "digest": "').removesuffix('",')
    return f"environment {name} {digest}"


def _lines(folder: str) -> list[str]:
    path = f"{folder}/{DONE}"
    if os.path.islink(folder) or not is_file(path) or not os.access(path, os.R_OK):
        return []
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().split("\n")


def names_in(folder: str) -> list[str]:
    """Return what `*` gives in `folder` in the C locale: no hidden names, and in the order of their bytes."""
    try:
        names = (name for name in os.listdir(folder) if not name.startswith("."))
        # A shell sorts `*/.done` with the slash in it.
        return sorted(names, key=lambda name: os.fsencode(f"{name}/"))
    except OSError:
        return []


def identity(layer: Layer | None) -> str:
    """Return the name of a layer in a marker: its folder and the one above, "none" for no layer."""
    if layer is None:
        return "none"
    above, name = os.path.split(layer.root)
    return f"{os.path.basename(above)}/{name}"


def marker_text(environment: Layer | None, cog: Layer | None, python: str, overridden: Sequence[str]) -> str:
    """Return the text of a marker: a key and its value on each line; last the pins that were overridden."""
    lines = [f"python {python}", f"environment {identity(environment)}", f"cog {identity(cog)}"]
    return "".join(f"{line}\n" for line in (*lines, *(f"overridden {text}" for text in overridden)))


def contradictions(user: Layer, environment: Layer | None, cog: Layer | None) -> list[str]:
    """Return which of the layers are not those that the user's layer was resolved against."""
    active = {"python": user.python, "environment": identity(environment), "cog": identity(cog)}
    found = []
    with open(f"{user.root}/{USER_MARKER}", encoding="utf-8") as file:
        for line in file.read().splitlines():
            key, _, resolved = line.partition(" ")
            if key in active and resolved != active[key]:
                found.append(f"the user layer was resolved for {key} {resolved}, and {active[key]} is activated")
    return found
