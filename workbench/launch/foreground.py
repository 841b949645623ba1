"""A command in a model's environment, at this terminal, on the files of the model's folder."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from workbench import podman
from workbench.images.labels import ACCELERATOR_LABEL
from workbench.images.podman.store import PODMAN
from workbench.images.store import required
from workbench.launch.abandoned import owner_option
from workbench.launch.containers import podman_environment, variable_options
from workbench.launch.gpus import gpu_options
from workbench.launch.model_container import LABEL, monobase_options
from workbench.launch.ports import check_port
from workbench.models.model import Model
from workbench.notes import print_note

# Where images have the model's code.
_CODE = "/src"
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def run_command(
    model: Model,
    folder: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    ports: Sequence[int] = (),
    gpus: bool = True,
) -> int:
    """Run `command` in the image of `model` with `folder` in the place of its code; return its exit code.

    `ports` of it are published on loopback. It is as the user who calls: so are the files that it writes. Ctrl-C is the
    command's. Raises WorkbenchError for a port that is taken.
    """
    for port in ports:
        check_port(port)
    info = required(PODMAN, model.name)
    devices, note = gpu_options(info.labels.get(ACCELERATOR_LABEL, "")) if gpus else ([], "")
    if note:
        print_note(note)
    container = f"model-{secrets.token_hex(6)}"
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    words = [
        *(podman.program(), "run", "--rm", "--interactive", *terminal, f"--name={container}"),
        *(f"--label={LABEL}={model.name}", owner_option()),
        # In the container root is the user who calls, or root where that is root: the folder is theirs.
        "--user=0:0",
        # Where SELinux is, it would refuse a folder that has no label for containers, and it shall get none.
        "--security-opt=label=disable",
        f"--volume={os.path.realpath(folder)}:{_CODE}",
        *(f"--publish=127.0.0.1:{port}:{port}" for port in ports),
        *(*monobase_options(model), *podman.limit_flags(), *devices, *variable_options(variables)),
        *(model.name, *command),
    ]
    child = subprocess.Popen(words, env=podman_environment(variables))
    # A terminal sends Ctrl-C to podman too, which hands it on.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    before |= {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            podman.run("rm", "--force", "--ignore", "--time=0", container)
            child.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
