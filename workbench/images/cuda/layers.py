"""The CUDA images on a standard base: what builds each layer, and building them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from workbench.catalog.cuda_layers import FOLDER, LAYERS, WITH_NVCC, layer_folder, layer_tags, with_those_below
from workbench.catalog.reasons import nvcc_reasons
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.parser import declared_names
from workbench.containerfile.sources import copy_sources
from workbench.containerfile.stages import stages
from workbench.errors import WorkbenchError
from workbench.images.backend import Backend
from workbench.images.base import base_name, check_choice
from workbench.images.build_all import Outcome, build_all
from workbench.images.labels import own_labels
from workbench.images.progress import DEFAULT_LOGS
from workbench.images.request import BuildRequest
from workbench.images.reuse import is_up_to_date
from workbench.names import LATEST


def layer_image(layer: str, release: str, os_name: str, python: str, date: str) -> str:
    """Return the full local name of a layer's image; "" is the standard base below all of them."""
    if not layer:
        return base_name(release, os_name, python, date)
    return f"{LOCAL_REPOSITORY}:{layer_tags(layer, os_name, python, release, date)[0]}"


def check_layers(catalogue: Catalogue, release: str, os_name: str, layers: Iterable[str]) -> tuple[str, ...]:
    """Return `layers` (none: all that the system can have) with those below them.

    Raises WorkbenchError when the release has no CUDA, or no compiler for a layer that was requested.
    """
    requested = tuple(layers)
    if "version" not in catalogue.releases[release].cuda:
        raise WorkbenchError(f"release {release} pins no CUDA", where=catalogue.releases[release].path)
    why = "; ".join(nvcc_reasons(catalogue, release, os_name))
    chosen = with_those_below(requested or (layer for layer in LAYERS if not (why and layer in WITH_NVCC)))
    if why and any(layer in WITH_NVCC for layer in chosen):
        able = ",".join(layer for layer in LAYERS if layer not in WITH_NVCC)
        raise WorkbenchError(why, hint=f"layers that can be built: {able}")
    return chosen


def layer_requests(
    catalogue: Catalogue,
    release: str,
    os_name: str,
    python: str,
    date: str,
    layers: Iterable[str] = (),
    *,
    options: tuple[str, ...] = (),
    ca_bundle: str = "",
    cache: bool = True,
) -> dict[str, BuildRequest]:
    """Return what builds each of `layers` (none: all) and those below, by layer, those below first.

    Raises UsageError or WorkbenchError when the release has no such base or CUDA, and when the
    catalogue lacks a file for it.
    """
    check_choice(catalogue, release, os_name, python, date)
    catalogue = at_release(catalogue, release)
    requests = {}
    for layer in check_layers(catalogue, release, os_name, layers):
        path = _containerfile(catalogue, layer, os_name)
        text = catalogue.tree.text(path)
        arguments = _arguments(catalogue, release, layer, declared_names(text))
        arguments["BASE_IMAGE"] = layer_image(LAYERS[layer], release, os_name, python, date)
        copied_paths = list(_copied(text, arguments, path))
        context = _context(catalogue, path, copied_paths)
        inputs = {f"{context}/{copied}": _digest(catalogue, f"{context}/{copied}", path) for copied in copied_paths}
        inputs[path] = catalogue.tree.digest(path)
        # By what it is made from, and not on which image: see reuse.is_up_to_date.
        inputs |= {f"argument {name}": value for name, value in arguments.items() if name != "BASE_IMAGE"}
        tags = [tag for day in (date, LATEST) for tag in layer_tags(layer, os_name, python, release, day)]
        requests[layer] = BuildRequest(
            names=tuple(dict.fromkeys(f"{LOCAL_REPOSITORY}:{tag}" for tag in tags)),
            folder=catalogue.tree.full(context),
            text=text,
            labels=own_labels(tags[0], release, inputs),
            arguments=arguments,
            options=options,
            ca_bundle=ca_bundle,
            cache=cache,
        )
    return requests


def _containerfile(catalogue: Catalogue, layer: str, os_name: str) -> str:
    folder = _folder(catalogue, layer)
    kinds = {kind: f"{folder}/{CONTAINERFILE}{'.' if kind else ''}{kind}" for kind in catalogue.variants(os_name)}
    found = next((path for path in kinds.values() if catalogue.tree.exists(path)), None)
    if found is None:
        raise WorkbenchError(f"the CUDA layer {layer} has no Containerfile for {os_name}", where=folder)
    return found


def _folder(catalogue: Catalogue, layer: str) -> str:
    """Return the folder of a layer; that of a cuDNN layer may say which it is, as the original's cudnn8 does."""
    folder = layer_folder(layer)
    above, _, name = folder.rpartition("/")
    if "-" in layer and not catalogue.tree.exists(folder):
        numbered = [each for each in catalogue.tree.folder(above)[0] if each.rstrip("0123456789") == name]
        return f"{above}/{numbered[-1]}" if numbered else folder
    return folder


def _context(catalogue: Catalogue, containerfile: str, copied: Collection[str]) -> str:
    """Return the folder that a layer's files are copied from: cuda-layer, or its own where the original has them."""
    own = containerfile.rpartition("/")[0]
    missing = [path for path in copied if not catalogue.tree.exists(f"{FOLDER}/{path}")]
    return own if missing and all(catalogue.tree.exists(f"{own}/{path}") for path in copied) else FOLDER


def _arguments(catalogue: Catalogue, release: str, layer: str, declared: Collection[str]) -> dict[str, str]:
    pins = catalogue.releases[release]
    values = {
        "CUDA_VERSION": pins.cuda["version"],
        "CUDA_REQUIRE": pins.cuda.get("require", ""),
        "PACKAGES": " ".join(pins.cuda_rpms.get(layer, ())),
    }
    return {name: value for name, value in values.items() if name in declared}


def _copied(text: str, arguments: dict[str, str], file: str) -> Iterator[str]:
    """Yield everything that the Containerfile copies, by its path in the folder that it is built in."""
    for copied in copy_sources(stages(text, arguments, file=file)):
        yield from (*copied.in_folder, *copied.unknown)


def _digest(catalogue: Catalogue, path: str, containerfile: str) -> str:
    if not catalogue.tree.exists(path):
        raise WorkbenchError(f"{containerfile} copies this file, which does not exist", where=path)
    return catalogue.tree.digest(path)


def build_layers(
    requests: Mapping[str, BuildRequest], backend: Backend, *, logs: str = DEFAULT_LOGS, quiet: bool = False
) -> list[Outcome]:
    """Build the layers that `requests` describe and return what became of each, those below first.

    A layer that is up to date is not built again, unless its request goes without the cache. One that
    fails stops those that stand on it and no others. KeyboardInterrupt passes through.
    """

    def is_current(layer: str) -> bool:
        return is_up_to_date(requests[layer], requests[layer].arguments["BASE_IMAGE"], backend.store)

    return build_all(requests, LAYERS, is_current, logs=logs, quiet=quiet, builder=backend.builder)
