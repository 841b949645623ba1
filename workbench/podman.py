"""podman: finding it, running it, and reading its output. Every call is an argument list, never a shell."""

from __future__ import annotations

import functools
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from workbench.errors import WorkbenchError

# podman writes every complaint as "Error: …"; a registry's own message stands at the end of it.
_ERROR = "Error: "
_CAP_SYS_RESOURCE = 1 << 24


class Completed(NamedTuple):
    """What a call of podman ended with: the exit code, its output and its errors."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """podman's own last complaint, on one line, without its `Error:`."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        complaint = next((line for line in reversed(lines) if line.startswith(_ERROR)), lines[-1] if lines else "")
        return complaint.removeprefix(_ERROR) or f"exit code {self.code}"


def program() -> str:
    """Return the path of podman; raises WorkbenchError when it is not installed."""
    found = shutil.which("podman")
    if found is None:
        raise WorkbenchError(
            "podman is not installed",
            hint="install it (Debian: apt-get install podman; Fedora, CentOS: dnf install podman)",
        )
    return found


def is_installed() -> bool:
    """Return whether podman is on the PATH."""
    return shutil.which("podman") is not None


def version() -> tuple[int, ...]:
    """Return podman's version, as in (4, 3); (0,) where it prints none. Raises WorkbenchError without a podman.

    `podman --version` needs no user namespace, which `podman version` does.
    """
    match = re.search(r"(\d+)\.(\d+)", output("report its version", "--version"))
    return (int(match[1]), int(match[2])) if match else (0,)


def lowered_limits() -> dict[str, int]:
    """Return the limits that containers must be given here (nofile, nproc), none where podman's own ones work.

    Without CAP_SYS_RESOURCE (a container, a CI machine) nobody may raise a limit, and podman's
    defaults are above any: a container created without these does not start.
    """
    with open("/proc/self/status") as status:
        effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    if int(effective, 16) & _CAP_SYS_RESOURCE:
        return {}
    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(kind)[1] for name, kind in kinds.items()}
    with open("/proc/sys/kernel/pid_max") as most:
        # podman lowers itself to that many, and gives no container more than it has.
        hard["nproc"] = min(hard["nproc"] % (1 << 63), int(most.read()))
    return {name: most for name, most in hard.items() if most != resource.RLIM_INFINITY}


def limit_flags() -> list[str]:
    """Return the flags that `podman run` must be given here so that the container starts; none where it does anyhow."""
    return [f"--ulimit={kind}={most}:{most}" for kind, most in lowered_limits().items()]


def run(*arguments: str, seconds: float | None = None, environment: Mapping[str, str] | None = None) -> Completed:
    """Run `podman ARGUMENTS` and return how it ended, whatever the exit code; in this process's environment or another.

    Raises WorkbenchError when podman is absent, cannot be started or takes longer than `seconds`.
    """
    command = [program(), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            env=environment,
        )
    except OSError as error:
        raise WorkbenchError(f"podman cannot be started: {error.strerror}", where=command[0]) from None
    except subprocess.TimeoutExpired:
        raise WorkbenchError(f"podman {arguments[0]} did not end within {seconds:g} s") from None
    return Completed(done.returncode, done.stdout, done.stderr)


def output(what: str, *arguments: str, hint: str = "") -> str:
    """Run `podman ARGUMENTS` and return its output, stripped; raises WorkbenchError "cannot `what`: …"."""
    completed = run(*arguments)
    if completed.code != 0:
        raise WorkbenchError(f"podman cannot {what}: {completed.reason}", hint=hint)
    return completed.out.strip()


class ImageStore(NamedTuple):
    """Where podman keeps its images: the folder, and the storage driver, such as overlay or vfs."""

    root: str
    driver: str


def image_store() -> ImageStore:
    """Return where podman keeps its images; raises WorkbenchError when podman fails.

    podman is run once for each environment that this process has: `podman info` looks up the packages of all its parts.
    """
    return _image_store(program(), tuple(sorted(os.environ.items())))


@functools.lru_cache(maxsize=1)
def _image_store(_program: str, _environment: tuple[tuple[str, str], ...]) -> ImageStore:
    shown = output("find its images", "info", "--format", "{{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}")
    root, _, driver = shown.partition("\n")
    return ImageStore(root, driver)


def copies_layers() -> bool:
    """Return whether podman's store keeps each layer as a copy of all below it, as the driver vfs does.

    A normal user's podman 4 takes that driver where no storage.conf names another (Debian 12, Ubuntu 22.04).
    """
    return image_store().driver == "vfs"


def exists(image: str) -> bool:
    """Return whether podman has an image of exactly this name (no search by pattern).

    `image` must name its registry. Raises WorkbenchError when podman fails.
    """
    completed = run("image", "exists", "--", image)
    if completed.code > 1:
        raise WorkbenchError(
            f"podman cannot look for {image}: {completed.reason}",
            hint="`podman info` must work before anything is built",
        )
    return completed.code == 0
