"""The bases that a recipe may stand on: tables of data, or any other image."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workbench.catalog.cuda_layers import LAYERS, MAIN
from workbench.errors import UsageError
from workbench.names import NAME_RULE, is_image, is_name, pick, python_folder, suggestion

BASE_SCHEMA = {
    "display": str,
    "tag": str,
    "prefix": str,
    "cuda": bool,
    "layer": str,
    "compilers": bool,
    "thin_for": str,
    "lists": str,
    "accelerator": str,
    "architectures": list,
}
# What Kubernetes and CDI call NVIDIA's GPUs.
NVIDIA = "nvidia.com/gpu"
# A resource of Kubernetes, which is a kind of devices in CDI as well: vendor/class.
_ACCELERATOR = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_CUDA_WORD = re.compile(r"(?:^|[^a-z])cuda(?:[^a-z]|$)")
_STEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class BaseDefinition:
    """A base by its table (see bases.toml beside this file), or an image of somebody else's, which has no `tag`."""

    name: str
    display: str = ""
    tag: str = ""
    prefix: str = ""
    cuda: bool = False
    layer: str = ""
    compilers: bool = False
    thin_for: str = ""
    lists: str = ""
    accelerator: str = ""
    architectures: tuple[str, ...] | None = None

    @property
    def gpus(self) -> str:
        """What its GPUs are called, as amd.com/gpu; "" when it is for none."""
        return self.accelerator or (NVIDIA if self.cuda else "")

    @property
    def is_foreign(self) -> bool:
        """Whether it is any image, and none that the release names."""
        return not self.tag

    def label(self, cuda: str) -> str:
        """Return how the wizard shows it, in a release that pins the CUDA version `cuda` ("" for none)."""
        return self.display.replace("{cuda}", f"CUDA {cuda}".rstrip())

    def image_tag(self, os: str, python: str, release: str, date: str) -> str:
        """Return the tag of its image; `python` as "3.11"."""
        stem = self.tag.replace("{os}", os).replace("{python}", python_folder(python))
        return f"{stem}_{release}_{date}"


def bases_from(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, BaseDefinition]:
    """Return the bases of a release by name: those that every release has, with its own `tables` on top."""
    return {name: _base(name, table) for name, table in _merged(tables).items() if table.get("tag")}


def _base(name: str, table: Mapping[str, Any]) -> BaseDefinition:
    words: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return BaseDefinition(name, **words)


def default_bases() -> dict[str, BaseDefinition]:
    """Return the bases that every release has, by name."""
    return bases_from({})


def image_stems(bases: Iterable[BaseDefinition]) -> dict[str, tuple[str, ...]]:
    """Return what the tags of base images and CUDA layers begin with, by image: {os} and {python} stand for those."""
    stems: dict[str, tuple[str, ...]] = {f"base {base.name}": (base.tag,) for base in bases}
    for layer in LAYERS:
        other_names = ("cuda-base-{os}-{python}",) if layer == MAIN else ()
        stems[f"CUDA layer {layer}"] = (f"cuda-{{os}}-{{python}}-{layer}", *other_names)
    return stems


def wrong_bases(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the `tables` of a release file, each with the keys that lead to it."""
    merged = _merged(tables)
    for name in tables:
        table = merged[name]
        if not is_name(name):
            yield (name,), f"{name!r} cannot name a base: {NAME_RULE}"
        if table.get("cuda") and not names_cuda(name):
            # A recipe folder is checked against its base where the catalogue is not known.
            yield (name, "cuda"), f"a CUDA base says so in its name, as cuda-{name} does"
        stem = table.get("tag", "")
        if missing := [part for part in ("{os}", "{python}") if part not in stem]:
            yield (name, "tag"), f"bases.{name} needs a tag with {' and '.join(missing)} in it"
        elif not _STEM.fullmatch(stem.replace("{os}", "os").replace("{python}", "py311")):
            yield (
                (name, "tag"),
                f"{stem!r} cannot be part of an image's tag: use letters, digits, dots, hyphens, underscores",
            )
        if (prefix := table.get("prefix")) and not is_name(prefix):
            yield (name, "prefix"), f"{prefix!r} cannot be part of a tag: {NAME_RULE}"
        if (lists := table.get("lists")) and not is_name(lists):
            yield (name, "lists"), f"{lists!r} cannot be part of a folder's name: {NAME_RULE}"
        if (accelerator := table.get("accelerator")) and not _ACCELERATOR.fullmatch(accelerator):
            yield (name, "accelerator"), f"{accelerator!r} is no kind of devices: write it as amd.com/gpu"
        for key, known, what in (("layer", LAYERS, "CUDA layer"), ("thin_for", merged, "base")):
            if (value := table.get(key)) and value not in known:
                yield (name, key), f"{value!r} is no {what}: {suggestion(value, known)}"


def _merged(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys([*default_tables(), *tables])
    return {name: {**default_tables().get(name, {}), **tables.get(name, {})} for name in names}


@cache
def default_tables() -> Mapping[str, Mapping[str, Any]]:
    """Return the tables of the bases that every release has, a catalogue made for the original included."""
    return tomllib.loads(Path(__file__).with_name("bases.toml").read_text(encoding="utf-8"))


def check_base(text: str) -> str:
    """Return `text` when it may name a base or an image; raises UsageError otherwise."""
    if is_foreign(text) and not is_image(text):
        raise UsageError(f"{text!r} is no image reference", hint="write it as registry.example.com/team/image:tag")
    return text


def is_foreign(text: str) -> bool:
    """Return whether `text` names an image, and not a base of a release."""
    return "/" in text or ":" in text


def find_base(bases: Mapping[str, BaseDefinition], name: str) -> BaseDefinition:
    """Return the base `name` of a release's `bases`, or the image of that name.

    What an image's own name says of CUDA is trusted. Raises WorkbenchError for a name that is none of them.
    """
    if not is_foreign(name):
        return bases[pick(name, bases, "base")]
    cuda = names_cuda(name)
    return BaseDefinition(name, name, prefix="cuda" if cuda else "", cuda=cuda)


def names_cuda(base: str) -> bool:
    """Return whether the name of a base or an image has the word cuda in it."""
    return _CUDA_WORD.search(base.lower()) is not None


def thin_base(bases: Mapping[str, BaseDefinition]) -> BaseDefinition | None:
    """Return the base for bundles whose wheels bring a CUDA of their own, None where there is none."""
    return next((base for base in bases.values() if base.thin_for), None)
