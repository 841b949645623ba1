"""What podman lacks on this machine for this user, with the cure, before the first step."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from workbench import podman
from workbench.errors import FaultsError, WorkbenchError
from workbench.launch.plan import PACKAGES, ROOT, WORKBENCH, Step
from workbench.launch.ports import check_port
from workbench.launch.workbenches import find

# Where the helpers of podman and of the root image's script lie, which a normal user's PATH leaves out on Debian.
_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")
# What makes a network in a namespace; a machine in a container often has none, or one that is root's alone.
_TUN = "/dev/net/tun"
# How many IDs an image needs: files of a user ID above that could not be unpacked (podman, "Basic Setup and Use of
# Podman in a Rootless environment").
_IDS = 65536
INSTALL = (
    "install podman: `sudo apt-get install podman` on Debian and Ubuntu, `sudo dnf install podman` on Fedora, CentOS "
    "and RHEL, `brew install podman` on a Mac"
)


def check_user() -> None:
    """Raise FaultsError that lists everything that a normal user's podman lacks here; root's lacks none of it."""
    if os.geteuid() == 0:
        return
    user = getpass.getuser()
    faults = [("", f"{problem}: {cure}") for problem, cure in (*_ids(user), *_network(), *_cgroup(user))]
    if faults:
        raise FaultsError("podman cannot run containers for this user yet", faults)


def check_steps(steps: Sequence[Step], port: int) -> None:
    """Raise WorkbenchError for what the plan needs and this machine lacks: programs, room on the disk, the port."""
    if port and not any(_has_port(step, port) for step in steps):
        check_port(port)
    if any(step.kind == ROOT and step.state == PACKAGES for step in steps) and not _has("debootstrap"):
        raise WorkbenchError(
            "debootstrap is not installed, and no registry has the root image",
            hint="`sudo apt-get install debootstrap`, or `sudo dnf install debootstrap`",
        )
    needed = sum(step.expected.bytes for step in steps if step.expected and not step.is_done)
    folder = podman.image_store().root
    free = shutil.disk_usage(folder if os.path.isdir(folder) else "/").free
    if needed > free:
        raise WorkbenchError(
            f"the disk has {free / 1e9:.1f} GB left and {needed / 1e9:.1f} GB are needed",
            where=folder,
            hint="`podman image prune` removes what no image uses",
        )


def storage_note() -> str:
    """Return what to know about how podman stores images here, "" for nothing.

    Linux mounts overlays for normal users since 5.13, and podman's own documentation (containers-storage.conf(5))
    needs fuse-overlayfs before that alone.
    """
    if not podman.copies_layers():
        return ""
    where = "~/.config/containers" if os.geteuid() else "/etc/containers"
    return (
        "podman's storage driver is vfs, which copies all that an image stands on: several times the size and time, "
        "and a build that failed begins again; to change that: `podman system reset`, which removes all images and "
        f"containers, then `mkdir -p {where} && printf '[storage]\\ndriver = \"overlay\"\\n' >{where}/storage.conf`"
    )


def _has_port(step: Step, port: int) -> bool:
    """Return whether the step's workbench has the port already."""
    before = find(step.name) if step.kind == WORKBENCH else None
    return before is not None and before.port == port


def _ids(user: str) -> Iterator[tuple[str, str]]:
    for program in ("newuidmap", "newgidmap"):
        if not _has(program):
            yield f"{program} is not installed", "`sudo apt-get install uidmap`, or `sudo dnf install shadow-utils`"
            break
    short = [file for file in ("/etc/subuid", "/etc/subgid") if _subordinates(file, user) < _IDS]
    if short:
        flags = {"/etc/subuid": "--add-subuids 100000-165535", "/etc/subgid": "--add-subgids 100000-165535"}
        cure = f"sudo usermod {' '.join(flags[file] for file in short)} {user}"
        yield (
            f"{user} has fewer than {_IDS} IDs in {' and '.join(short)}",
            f"`{cure}` (IDs that no other line has), then `podman system migrate`",
        )


def _subordinates(file: str, user: str) -> int:
    """Return how many subordinate IDs a user has; a machine that keeps them elsewhere has a program that knows."""
    if program := shutil.which("getsubids"):
        group = ["-g"] if file.endswith("gid") else []
        done = subprocess.run([program, *group, user], capture_output=True, text=True, check=False)
        # `0: USER 100000 65536`, a line for each range.
        return sum(int(line.split()[-1]) for line in done.stdout.splitlines() if line.split()[-1:][0].isdigit())
    try:
        with open(file) as lines:
            rows = [line.strip().split(":") for line in lines]
    except OSError:
        return 0
    mine = (user, str(os.getuid()))
    return sum(int(row[2]) for row in rows if len(row) == 3 and row[0] in mine and row[2].isdigit())


def _network() -> Iterator[tuple[str, str]]:
    """podman 5 connects a normal user's containers through pasta, podman 4 through slirp4netns; both open a device."""
    if not os.access(_TUN, os.R_OK | os.W_OK):
        cure = "`sudo chmod 666 /dev/net/tun`" if os.path.exists(_TUN) else "`sudo modprobe tun`"
        yield f"{_TUN} cannot be opened, so containers would have no network", cure
    if _has("pasta") and podman.version() >= (4, 4):
        return
    if not _has("slirp4netns"):
        new = podman.version() >= (5,)
        program, package = ("pasta", "passt") if new else ("slirp4netns", "slirp4netns")
        yield f"{program} is not installed", f"`sudo apt-get install {package}`, or `sudo dnf install {package}`"


def _cgroup(user: str) -> Iterator[tuple[str, str]]:
    """With cgroup v2, containers need a cgroup that is the user's: a session of systemd gives one, `su` does not."""
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return
    with open("/proc/self/cgroup") as file:
        own = next((line.rstrip("\n")[3:] for line in file if line.startswith("0::")), "/")
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    by_systemd = any(os.path.exists(f"{runtime}/{name}") for name in ("bus", "systemd/private"))
    if by_systemd or os.access(f"/sys/fs/cgroup{own}", os.W_OK):
        return
    yield (
        "this session has no cgroup of its own",
        f"log in as {user} (ssh, `machinectl shell {user}@`; not `su`), or `sudo loginctl enable-linger {user}`",
    )


def _has(program: str) -> bool:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *_PATH])) is not None
