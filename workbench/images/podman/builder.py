"""Building with podman: the default Builder."""

from __future__ import annotations

import os
import re
import tempfile

from workbench import podman
from workbench.containerfile.parser import instructions
from workbench.containerfile.stages import bases, last_base
from workbench.errors import UsageError, WorkbenchError
from workbench.images.base_image import how_to_make
from workbench.images.builder import BuildRequest, Built, Watcher
from workbench.images.labels import digest_here, on_base
from workbench.images.network import redacted, site
from workbench.images.shared_cache import UNSHARED, SharedCache
from workbench.names import is_qualified
from workbench.process import stream

# `STEP 4/17: RUN …`, with `[2/3] ` in front when there is more than one stage.
_STEP = re.compile(r"(?:\[\d+/\d+\] )?STEP (?P<number>\d+)/\d+: (?P<title>.*)")
# How long podman may take, once interrupted, to see that its step ended and clean up.
_PATIENCE_SECONDS = 15.0
# Instructions that the OCI image format has no place for.
_DOCKER_ONLY = {"HEALTHCHECK", "ONBUILD", "SHELL"}
# What pip, apt, curl and git say when they do not know who signed a certificate.
_DISTRUST = ("CERTIFICATE_VERIFY_FAILED", "certificate verification failed", "SSL certificate problem")
# Options of ours: another value would take the promises of Builder away.
_OURS = ("-t", "--tag", "-f", "--file", "--iidfile")


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
        with site(request.ca_bundle) as lent, tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            text = lent.containerfile(request.text)
            containerfile, id_file = os.path.join(folder, "Containerfile"), os.path.join(folder, "id")
            with open(containerfile, "w") as file:
                file.write(text)
            command = [podman.program(), "build", "--layers", f"--format={_format(text)}", f"--iidfile={id_file}"]
            base = last_base(request.stages())
            labels = {**request.labels, **on_base(base, digest_here(base))}
            command += [f"--label={key}={value}" for key, value in labels.items()]
            command += [f"--build-arg={key}={value}" for key, value in request.arguments.items()]
            command += [f"--secret=id={name},src={os.path.abspath(file)}" for name, file in request.secrets.items()]
            command += [] if request.cache else ["--no-cache"]
            command += [
                *lent.mounts(),
                *self._shared,
                *request.options,
                f"--file={containerfile}",
                "--",
                request.folder,
            ]
            # podman adds a LABEL instruction for every label.
            steps = _Steps(watcher, _step_count(text) + len(labels))
            code = stream(command, steps.read, patience=_PATIENCE_SECONDS)
            if code != 0:
                hint = "a certificate was refused: on a network that inspects TLS, give --ca-bundle FILE"
                raise WorkbenchError(
                    f"building {request.tag} failed with exit code {code} in {steps.last}",
                    hint=hint if steps.distrusted else "",
                )
            with open(id_file) as file:
                image = file.read().strip()
        # Only now does the image get its names: what failed or was interrupted has none.
        for name in request.names:
            podman.output(f"name the image {name}", "tag", image, name)
        return Built(request.names[0], image)


class _Steps:
    """Reads podman's output: which step begins, counted over all stages."""

    def __init__(self, watcher: Watcher, total: int) -> None:
        self.watcher = watcher
        self.total = total
        self.number = 0
        self.last = "no step: podman did not begin"
        self.distrusted = False

    def read(self, line: str) -> None:
        """Take one line of podman's output."""
        line = redacted(line)
        self.watcher.line(line)
        self.distrusted |= any(sign in line for sign in _DISTRUST)
        if match := _STEP.fullmatch(line):
            self.number += 1
            self.total = max(self.total, self.number)
            title = " ".join(match["title"].split())
            self.last = f"step {self.number} of {self.total}: {title}"
            self.watcher.step(self.number, self.total, title)


def check_options(options: tuple[str, ...]) -> None:
    """Raise UsageError for an engine option that is none, or that would undo what a Builder owes."""
    for option in options:
        if not option.startswith("-") or option in ("-", "--"):
            raise UsageError(
                f"{option!r} is no option of podman build", hint="write it in one piece: --engine-option=--jobs=2"
            )
        name = option.partition("=")[0]
        if name in _OURS or (option[1] != "-" and option[:2] in _OURS):
            raise UsageError(f"{name} is not yours to give: the image is named when it is whole")


def _check_bases(request: BuildRequest, watcher: Watcher) -> None:
    """Raise WorkbenchError for a base that is neither here nor in a registry that podman could ask."""
    for image in bases(request.stages()):
        if not is_qualified(image):
            raise WorkbenchError(
                f"FROM {image} does not name its registry", where=request.folder, hint="compose the recipe again"
            )
        if podman.exists(image):
            continue
        if image.startswith("localhost/"):
            raise WorkbenchError(
                f"the base image {image} is not on this machine",
                where=request.folder,
                hint=f"make it with {how_to_make(image) or 'podman'}, or compose the recipe on another base",
            )
        watcher.line(f"{image} is not on this machine: podman pulls it")


def _step_count(text: str) -> int:
    """Return how many steps podman will count: every instruction from the first FROM on."""
    words = [item.word for item in instructions(text)]
    return len(words) - words.index("FROM") if "FROM" in words else len(words)


def _format(text: str) -> str:
    return "docker" if any(item.word in _DOCKER_ONLY for item in instructions(text)) else "oci"
