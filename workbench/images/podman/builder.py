"""Building with podman: the default Builder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from workbench import podman
from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.stages import bases, last_base, stages
from workbench.errors import UsageError, WorkbenchError
from workbench.images.base_chain import command_to_make
from workbench.images.build_mark import marked_folder, new_mark
from workbench.images.builder import Built, Watcher
from workbench.images.labels import on_base
from workbench.images.network import site
from workbench.images.podman import leftovers, quirks
from workbench.images.podman.image_config import image_config
from workbench.images.podman.step_reporter import StepReporter
from workbench.images.podman.store import manifest_digest
from workbench.images.podman.translation import CONTEXT, PlacedFile, translated
from workbench.images.request import BuildRequest
from workbench.images.shared_cache import UNSHARED, SharedCache
from workbench.process import stream

# How long podman may take, once interrupted, to see that its step ended and clean up: it removes the file system of
# every step so far, which takes long on a slow disk. A second Ctrl-C ends it at once, and we clean up.
_PATIENCE_SECONDS = 120.0
# Options of ours: another value would break what a Builder owes.
_RESERVED = ("-t", "--tag", "-f", "--file", "--iidfile")


class PodmanBuilder:
    """A Builder that runs `podman build` on this machine, and shares its steps where `shared` says.

    Raises UsageError when that is no place for podman.
    """

    def __init__(self, shared: SharedCache = UNSHARED) -> None:
        self._shared = shared.podman_options()

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes and return it.

        Raises WorkbenchError when a base is missing or a step fails, UsageError for an option
        that cannot be passed through.
        """
        check_options(request.options)
        _check_bases(request, watcher)
        base = last_base(request.stages())
        labels = {**request.labels, **on_base(base, manifest_digest(base))}
        leftovers.remove_abandoned()
        mark = new_mark()
        network_of = site(request.ca_bundle, mark=mark, indexes=request.indexes, where=request.folder)
        with network_of as network, marked_folder(mark) as folder:
            path = os.path.join(request.folder, CONTAINERFILE)
            made = translated(request.text, request.arguments, cache(image_config), podman.version(), file=path)
            text = network.containerfile(quirks.with_exact_stage_names(made.text))
            containerfile, id_file = os.path.join(folder, "Containerfile"), os.path.join(folder, "id")
            with open(containerfile, "w") as file:
                file.write(text)
            command = [podman.program(), "build", f"--format={quirks.image_format(text)}"]
            # A copy of the whole image for each step takes more than to begin again after a failure.
            command += ["--layers=false" if not self._shared and podman.copies_layers() else "--layers"]
            command += [f"--iidfile={id_file}"]
            command += [f"--label={key}={value}" for key, value in labels.items()]
            command += [f"--build-arg={key}={value}" for key, value in request.arguments.items()]
            secrets = {**network.secrets, **request.secrets}
            # Where a variable has the name of a secret, podman would take it and not the file (buildah 1.28).
            command += [f"--secret=id={name},type=file,src={os.path.abspath(file)}" for name, file in secrets.items()]
            command += [f"--ssh={name}={os.path.abspath(agent)}" for name, agent in request.agents.items()]
            # No step mounts it: leftovers.py finds this build's working containers by it.
            command += [f"--secret=id={mark},src={containerfile}"]
            command += [] if request.cache else ["--no-cache"]
            if made.files:
                command.append(f"--build-context={CONTEXT}={_written(made.files, os.path.join(folder, CONTEXT))}")
            command += [*network.mounts(), *self._shared, *request.options]
            command += [f"--file={containerfile}", "--", request.folder]
            steps = StepReporter(watcher, stages(text, request.arguments), len(labels), podman.version(), made.titles)
            try:
                code = stream(command, steps.read, patience=_PATIENCE_SECONDS)
            except BaseException:
                leftovers.remove_of(mark)
                raise
            if code != 0:
                raise WorkbenchError(
                    f"building {request.tag} failed with exit code {code} in {steps.current}", hint=steps.hint
                )
            with open(id_file) as file:
                image = file.read().strip()
        # Only now does the image get its names: what failed or was interrupted has none.
        for name in request.names:
            podman.output(f"name the image {name}", "tag", image, name)
        return Built(request.names[0], image)


def _written(files: Mapping[str, PlacedFile], folder: str) -> str:
    """Write files by their paths into a new `folder`, and return the folder."""
    for path, placed in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(placed.data)
        os.chmod(target, placed.mode)
    return folder


def check_options(options: tuple[str, ...]) -> None:
    """Raise UsageError for an engine option that is none, or that is reserved because a Builder owes its effect."""
    for option in options:
        if not option.startswith("-") or option in ("-", "--"):
            raise UsageError(
                f"{option!r} is no option of podman build", hint="write it in one piece: --engine-option=--jobs=2"
            )
        name = option.partition("=")[0]
        if name in _RESERVED or (option[1] != "-" and option[:2] in _RESERVED):
            raise UsageError(f"{name} is reserved: the image is named when it is complete")


def _check_bases(request: BuildRequest, watcher: Watcher) -> None:
    """Raise WorkbenchError for a base that is neither on this machine nor in a registry that podman could pull from."""
    request.check_bases()
    for image in bases(request.stages()):
        if podman.exists(image):
            continue
        if image.startswith("localhost/"):
            raise WorkbenchError(
                f"the base image {image} is not on this machine",
                where=request.folder,
                hint=f"make it with {command_to_make(image) or 'podman'}, or compose the recipe on another base",
            )
        watcher.line(f"{image} is not on this machine: podman pulls it")
