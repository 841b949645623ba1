"""The root image of an operating system, made from its packages: no registry is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench import podman
from workbench.catalog.values import Catalogue
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.images.backend import Backend
from workbench.images.base import root_in, root_name
from workbench.images.request import BuildRequest
from workbench.images.run_build import run_build
from workbench.names import pick
from workbench.process import interruptible, is_running, stream

SCRIPT = "os-image.sh"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FOLDER = "workbench-os-"
_PACKED = "root.tar"
_TEXT = f'FROM scratch\nADD {_PACKED} /\nENV PATH={_PATH}\nCMD ["/bin/sh"]\n'


def make_os_image(
    catalogue: Catalogue, os_name: str, on_line: Callable[[str], None], keep: Callable[[str], str] | None = None
) -> str:
    """Make the root image of `os_name` with its own script and return the image's name.

    `keep` makes an image of the folder that it is given, and returns its name; by default podman imports it.

    A normal user does it in podman's user namespace, where the files' many owners are theirs. Each line that the
    script prints goes to `on_line`. Raises WorkbenchError when the system has no script, and when the script or the
    import fails; then no image is named.
    """
    # Its script is all that this needs: a system that no release has yet, or has any more, is made as well.
    pick(os_name, {**catalogue.systems, **dict.fromkeys(catalogue.tree.folder("base")[0])}, "operating system")
    path = f"base/{os_name}/{SCRIPT}"
    if not catalogue.tree.exists(path):
        able = [name for name in catalogue.systems if catalogue.tree.exists(f"base/{name}/{SCRIPT}")]
        raise WorkbenchError(
            f"{os_name} has no script that makes its root image: `{here('base')}` takes the one that the release names",
            where=path,
            hint=f"systems that have one: {', '.join(able)}" if able else "",
        )
    if keep is None:
        podman.program()
    script = os.path.join(catalogue.tree.root, path)
    with _working_folder() as folder:
        rootfs = os.path.join(folder, "rootfs")
        os.mkdir(rootfs, 0o755)
        last = ""

        def keep_last(line: str) -> None:
            nonlocal last
            last = line or last
            on_line(line)

        code = stream(_alone(script, rootfs), keep_last)
        if code != 0:
            hint = "a program that it calls is not installed" if code == 127 else ""
            raise WorkbenchError(f"{SCRIPT} ended with exit code {code}: {last}", where=path, hint=hint)
        return keep(rootfs) if keep else _import(rootfs, root_name(os_name))


def pushed(backend: Backend, repository: str, os_name: str, logs: str, *, quiet: bool) -> Callable[[str], str]:
    """Return what has the builder of `backend` make the root image of a folder, and push it to `repository`.

    The builder keeps no images: its daemon is sent the folder, packed, and nothing else of it stays.
    """
    name = root_in(repository, os_name)

    def keep(rootfs: str) -> str:
        context = os.path.join(os.path.dirname(rootfs), "context")
        os.mkdir(context)
        with open(os.path.join(context, _PACKED), "wb") as packed, interruptible():
            done = subprocess.run(_packing(rootfs), stdout=packed, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise WorkbenchError(f"the root image cannot be packed: {podman.Completed(1, '', done.stderr).reason}")
        request = BuildRequest((name,), context, _TEXT)
        return run_build(request, logs=logs, quiet=quiet, builder=backend.builder).built.image

    return keep


def _alone(script: str, rootfs: str) -> list[str]:
    """Return the command that runs the script in namespaces of its own.

    What it mounts in the folder and fails to unmount is gone with the mount namespace, and never met by the removal
    of the folder. The process namespace ends all that it started when its first process ends, which ends with us:
    killed at any moment, nothing goes on behind the user's back.
    """
    ending = [_tool("setpriv"), "--pdeathsig=KILL", "--"]
    namespaces = [_tool("unshare"), "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    # What the script calls lies where a normal user's PATH does not lead on Debian.
    path = [_tool("env"), f"PATH={os.environ.get('PATH', '')}:{_PATH}"]
    return [*ending, *_as_root(), *ending, *path, *namespaces, "/bin/sh", script, rootfs]


def _as_root() -> list[str]:
    """Return the command in front of one that needs root: none for root itself."""
    return [] if os.geteuid() == 0 else [podman.program(), "unshare"]


@contextmanager
def _working_folder() -> Iterator[str]:
    """Yield a new temporary folder named by this process, and remove it, and those whose processes were killed."""
    above = tempfile.gettempdir()
    for name in os.listdir(above):
        if (owner := name.removeprefix(_FOLDER).partition("-")[0]) != name and owner.isdigit():
            full = os.path.join(above, name)
            if not is_running(int(owner)) and _is_ours(full):
                _remove(full)
    folder = tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-")
    try:
        yield folder
    finally:
        _remove(folder)


def _is_ours(folder: str) -> bool:
    return not os.path.islink(folder) and os.path.isdir(folder) and os.stat(folder).st_uid == os.geteuid()


def _remove(folder: str) -> None:
    """Remove a folder with files of many owners; what cannot be removed stays."""
    if os.geteuid() == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        podman.run("unshare", "rm", "-rf", "--one-file-system", "--", folder)


def _import(rootfs: str, name: str) -> str:
    """Make the folder `rootfs` an image: imported without a name, which it gets when it is whole."""
    change = ["--change", f"ENV PATH={_PATH}", "--change", 'CMD ["/bin/sh"]']
    with (
        interruptible(),
        subprocess.Popen(_packing(rootfs), stdout=subprocess.PIPE, start_new_session=True) as packing,
    ):
        assert packing.stdout is not None
        with packing.stdout:
            done = subprocess.run(
                [podman.program(), "import", "--quiet", *change, "-"],
                stdin=packing.stdout,
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode != 0 or packing.returncode != 0:
        reason = podman.Completed(done.returncode, done.stdout, done.stderr).reason
        raise WorkbenchError(f"podman cannot import the root image: {reason}")
    podman.output(f"name the image {name}", "tag", done.stdout.split()[-1], name)
    return name


def _packing(rootfs: str) -> list[str]:
    """Return the command that writes the folder as an archive: nothing of this machine's mounts or users gets in."""
    flags = ["--numeric-owner", "--one-file-system", "--xattrs", "--xattrs-include=*"]
    return [*_as_root(), _tool("tar"), "--directory", rootfs, *flags, "--create", "."]


def _tool(name: str) -> str:
    """Return the path of a tool of the operating system; raises WorkbenchError when it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}")
    if found is None:
        raise WorkbenchError(f"{name} is not installed", hint="it is in every Linux distribution")
    return found
