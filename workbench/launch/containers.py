"""Starting a container of this tool's whose one port is published on loopback."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from workbench import podman
from workbench.errors import WorkbenchError

# What podman's complaint has in it when somebody else took the port in the meantime, by network program.
_TAKEN = ("address already in use", "port is already allocated", "Address in use")

# Variables that podman itself and what it starts go by.
_OWN = re.compile(
    r"(PATH|HOME|TMPDIR|USER|LOGNAME|TERM|.+_PROXY)$|(LD|XDG|CONTAINERS?|STORAGE|REGISTRY|DBUS|SSL_CERT|GO[A-Z]+)(_|$)",
    re.IGNORECASE,
)


def start_container(
    container: str,
    image: str,
    options: Sequence[str],
    command: Sequence[str] = (),
    *,
    inside: int,
    ports: Sequence[int],
    devices: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> int:
    """Start `image` as `container`, its port `inside` published on the first of `ports` that is free; return that.

    `options` are podman's, `devices` those that give it GPUs, and `environment` is visible to no other user of this
    machine. Raises WorkbenchError when it does not start; nothing of it is left then.
    """
    variables = environment or {}
    for at, number in enumerate(ports):
        done = podman.run(
            *("run", "--detach", f"--name={container}", f"--publish=127.0.0.1:{number}:{inside}"),
            *(*options, *podman.limit_flags(), *devices, *variable_options(variables)),
            image,
            *command,
            environment=podman_environment(variables),
        )
        if done.code == 0:
            return number
        podman.run("rm", "--force", "--ignore", "--time=0", container)
        if not any(words in done.err for words in _TAKEN) or at == len(ports) - 1:
            raise WorkbenchError(f"{container} does not start: {done.reason}", hint=_hint(done.err, devices))
    raise ValueError("no port is given")


def variable_options(variables: Mapping[str, str]) -> list[str]:
    """Return podman's options for variables: their values are in its environment, but for those that it goes by."""
    return [f"--env={name}={value}" if _OWN.match(name) else f"--env={name}" for name, value in variables.items()]


def podman_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a podman that is given `variable_options`."""
    return {**os.environ, **{name: value for name, value in variables.items() if not _OWN.match(name)}}


def _hint(errors: str, devices: Sequence[str]) -> str:
    if "hybrid" in errors:
        return (
            'this machine has hybrid cgroups: install runc and put `runtime = "runc"` below [engine] in containers.conf'
        )
    if devices:
        return "without GPUs: give --no-gpus"
    return "`podman run --rm IMAGE true` shows whether podman runs containers here"
