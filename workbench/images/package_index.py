"""Does an operating system have these packages? Its own package manager is queried, in a container of its image."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from workbench import podman
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.errors import WorkbenchError
from workbench.images.base import base_name, pinned_root, root_name
from workbench.images.network import redacted, site
from workbench.names import LATEST

_SCRIPT = Path(__file__).with_name("package-index.sh")
_SECONDS = 600.0
_NO_MANAGER = 3
# dnf and apt name a package in the colours of a terminal only where there is one; be sure.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def image_of(catalogue: Catalogue, os: str) -> str:
    """Return an image of this machine that has the package manager of `os`, "" when there is none.

    A base is better than a root image: it has the further repositories that images of the catalogue use.
    """
    names = []
    for name, release in catalogue.releases.items():
        if os in release.systems:
            names += [base_name(name, os, python, LATEST) for python in release.systems[os].pythons]
    names.append(root_name(os))
    for name, release in catalogue.releases.items():
        if os in at_release(catalogue, name).releases[name].systems and os in release.systems:
            names.append(pinned_root(catalogue, name, os))
    return next((name for name in names if podman.exists(name)), "")


def missing_packages(image: str, names: Sequence[str]) -> list[str]:
    """Return which of `names` the package manager of `image` does not find, in their order.

    Raises WorkbenchError when its index cannot be read, and when it has no manager that is known.
    """
    container = f"workbench-{secrets.token_hex(8)}"
    with site() as network:
        variables = [f"--env={name}={value}" for name, value in network.variables.items()]
        try:
            done = podman.run(
                *("run", "--rm", f"--name={container}", "--user=0", "--entrypoint=/bin/sh", *podman.limit_flags()),
                *(*network.mounts(), *variables, image, "-c", _SCRIPT.read_text(encoding="utf-8"), "sh", *names),
                seconds=_SECONDS,
            )
        except BaseException:
            podman.run("rm", "--force", "--ignore", "--time=0", container)
            raise
    if done.code == _NO_MANAGER:
        raise WorkbenchError("has neither apt-get nor dnf: its packages cannot be looked for", where=image)
    if done.code != 0:
        raise WorkbenchError(f"its package index cannot be read: {redacted(done.reason)}", where=image)
    found = set(_COLOUR.sub("", done.out).split("\n"))
    return [name for name in names if name in found]
