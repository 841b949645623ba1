"""The root image of an operating system, made from its packages: no registry is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable

from workbench import podman
from workbench.catalog.values import Catalogue
from workbench.errors import WorkbenchError
from workbench.images.base import root_name
from workbench.names import pick
from workbench.process import interruptible, stream

SCRIPT = "os-image.sh"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def make_os_image(catalogue: Catalogue, os_name: str, on_line: Callable[[str], None]) -> str:
    """Make the root image of `os_name` with its own script and return the image's name.

    Each line that the script prints goes to `on_line`. Raises WorkbenchError when the system has
    no script, when this is not root, and when the script or the import fails; then no image is
    named.
    """
    pick(os_name, catalogue.systems, "operating system")
    path = f"base/{os_name}/{SCRIPT}"
    if not catalogue.tree.exists(path):
        able = [name for name in catalogue.systems if catalogue.tree.exists(f"base/{name}/{SCRIPT}")]
        raise WorkbenchError(
            f"{os_name} has no script that makes its root image: `wizard.py base` takes the one that the release names",
            where=path,
            hint=f"systems that have one: {', '.join(able)}" if able else "",
        )
    if os.geteuid() != 0:
        raise WorkbenchError(
            "making a root image needs root: it creates files of many owners",
            hint=f"run it with sudo, or let `make base OS={os_name}` pull the root image that the release names",
        )
    podman.program()
    script = os.path.join(catalogue.tree.root, path)
    with tempfile.TemporaryDirectory(prefix="workbench-os-", ignore_cleanup_errors=True) as folder:
        rootfs = os.path.join(folder, "rootfs")
        os.mkdir(rootfs, 0o755)
        # In a mount namespace of its own: what the script mounts in the folder and fails to unmount
        # is gone with it, and never met by the removal of the folder.
        last = ""

        def keep_last(line: str) -> None:
            nonlocal last
            last = line or last
            on_line(line)

        code = stream([_tool("unshare"), "--mount", "/bin/sh", script, rootfs], keep_last)
        if code != 0:
            hint = "a program that it calls is not installed" if code == 127 else ""
            raise WorkbenchError(f"{SCRIPT} ended with exit code {code}: {last}", where=path, hint=hint)
        return _import(rootfs, root_name(os_name))


def _import(rootfs: str, name: str) -> str:
    """Make the folder `rootfs` an image: imported without a name, which it gets when it is whole."""
    change = ["--change", f"ENV PATH={_PATH}", "--change", 'CMD ["/bin/sh"]']
    # --one-file-system and --numeric-owner: nothing of this machine's mounts or users gets in.
    pack = [_tool("tar"), "--directory", rootfs, "--numeric-owner", "--one-file-system", "--create", "."]
    with interruptible(), subprocess.Popen(pack, stdout=subprocess.PIPE, start_new_session=True) as packing:
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


def _tool(name: str) -> str:
    """Return the path of a tool of the operating system; raises WorkbenchError when it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}")
    if found is None:
        raise WorkbenchError(f"{name} is not installed", hint="it is in every Linux distribution")
    return found
