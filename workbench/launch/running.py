"""Running an image as a workbench: a container with a volume for its files, a loopback port, GPUs and a token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from workbench import podman
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.images.labels import ACCELERATOR_LABEL
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageInfo
from workbench.images.validate import HOME
from workbench.launch.containers import start_container
from workbench.launch.gpus import gpu_options
from workbench.launch.names import container_name, workbench_name
from workbench.launch.opening import wait_until_open
from workbench.launch.ports import check_port, free_ports
from workbench.launch.workbenches import JUPYTER_TOKEN, LABEL, PORT, TOKEN, Workbench, find, required
from workbench.tag import TAG_LABEL

# How many bytes of randomness a token has: as many as Jupyter's own.
_TOKEN_BYTES = 24
_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a workbench is run: its port on this machine (0: any free one), and whether it is given the GPUs."""

    port: int = 0
    gpus: bool = True


@dataclass(frozen=True, slots=True)
class Started:
    """A workbench that is open, and notes for whoever started it."""

    workbench: Workbench
    notes: tuple[str, ...] = ()


def run_image(image: str, name: str = "", options: RunOptions | None = None) -> Started:
    """Run `image` as the workbench `name` ("": the one that its tag gives), wait until it responds, and return it.

    One that runs this image is left as it is, one that was stopped starts again, and one of an older image
    makes room for the new one: files, port and token stay. Raises WorkbenchError when the image is not here, is none
    of ours or serves nothing, and when it does not start or respond; a container that did not start is removed.
    """
    options = options or RunOptions()
    info = _checked(image)
    name = name or workbench_name(info.labels[TAG_LABEL])
    before = find(name)
    notes: list[str] = []
    same = before is not None and before.image_id == info.id and options.port in (0, before.port)
    if not (before is not None and same and (before.is_running or _starts_again(before))):
        if before is not None:
            podman.output(f"remove {before.container}", "rm", "--force", f"--time={_STOP_SECONDS}", before.container)
        devices, note = gpu_options(info.labels.get(ACCELERATOR_LABEL, "")) if options.gpus else ([], "")
        notes += [note] if note else []
        _start(image, name, options.port, before, devices)
    workbench = required(name)
    wait_until_open(workbench)
    return Started(workbench, tuple(notes))


def stop(name: str, *, remove: bool = False, files: bool = False) -> Workbench:
    """Stop the workbench `name`; `remove` its container too, with `files` its volume as well. Returns what it was.

    Raises WorkbenchError when there is none of this name, or podman refuses.
    """
    workbench = required(name)
    container = workbench.container
    if remove or files:
        podman.output(f"remove {container}", "rm", "--force", f"--time={_STOP_SECONDS}", container)
    elif workbench.is_running:
        podman.output(f"stop {container}", "stop", f"--time={_STOP_SECONDS}", container)
    if files:
        podman.output(f"remove the volume {container}", "volume", "rm", "--force", container)
    return workbench


def newest_image(name: str) -> str:
    """Return the image with the latest date whose recipe's workbench has this name, "" when there is none."""
    images = {tag: image for image, tag in PODMAN.labelled(TAG_LABEL).items() if workbench_name(tag) == name}
    return images[max(images)] if images else ""


def _checked(image: str) -> ImageInfo:
    info = PODMAN.inspect(image)
    if info is None:
        tag = image.rpartition(":")[2]
        raise WorkbenchError(
            f"the image {image} is not on this machine", hint=f"`{here(f'up recipes/{tag}')}` builds and opens it"
        )
    if TAG_LABEL not in info.labels:
        raise WorkbenchError(f"{image} is no image of a recipe", hint=f"run it with `podman run {image}`")
    if f"{PORT}/tcp" not in (info.config.get("ExposedPorts") or {}):
        raise WorkbenchError(
            f"{image} serves nothing to open: it runs commands",
            hint=f"run one with `podman run --rm -it {image} bash`",
        )
    return info


def _starts_again(before: Workbench) -> bool:
    """Start the container that was stopped; False when that cannot be, for its port is taken for example."""
    return podman.run("start", before.container).code == 0


def _start(image: str, name: str, port: int, before: Workbench | None, devices: list[str]) -> None:
    container = container_name(name)
    token = (before.token if before else "") or secrets.token_urlsafe(_TOKEN_BYTES)
    if podman.run("volume", "exists", container).code != 0:
        podman.output(f"make the volume {container}", "volume", "create", f"--label={LABEL}={name}", container)
    if port:
        check_port(port)
    ports = [port] if port else free_ports(before.port if before else 0)
    start_container(
        container,
        image,
        [f"--label={LABEL}={name}", f"--volume={container}:{HOME}"],
        inside=PORT,
        ports=ports,
        devices=devices,
        environment={TOKEN: token, JUPYTER_TOKEN: token},
    )
