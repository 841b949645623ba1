"""The packages that are in an image: listed in a container of it, without network."""

from __future__ import annotations

import json
import os
from typing import Any

from workbench.attest.package import DEB, PYPI, RPM, VSCODE, Package, joined
from workbench.errors import WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore
from workbench.packages import normalized_name

_PROGRAM = os.path.join(os.path.dirname(__file__), "list_packages.py")
# Where NVIDIA's wheels keep their records on systems without RPMs (cuda-layer/install-wheels.sh).
_WHEELS = "/usr/local/cuda/share/wheels"


def installed_packages(image: str, store: ImageStore = PODMAN) -> list[Package]:
    """Return the packages of Python and of the operating system in the `image` of `store`.

    Raises WorkbenchError when the image has no working Python.
    """
    with open(_PROGRAM, encoding="utf-8") as file:
        program = file.read()
    command = ("python", "-I", "-c", program, _WHEELS)
    done = store.run(image, command, user="0", environment={"LC_ALL": "C.UTF-8"}, seconds=600)
    if done.code != 0:
        raise WorkbenchError(f"{image} cannot list its packages: {done.reason}")
    return parse_packages(done.out)


def parse_packages(text: str) -> list[Package]:
    """Return the packages that the output of list_packages.py names."""
    listed = json.loads(text)
    release = listed["release"]
    distro = "-".join(part for part in (release.get("ID", ""), release.get("VERSION_ID", "")) if part)
    found = [
        Package(PYPI, normalized_name(each["name"]), each["version"], licence=each["licence"])
        for each in listed["python"]
        if each["name"]
    ]
    found += [_deb(row, release, distro) for row in listed["os"].get(DEB, ()) if row[3] == "installed"]
    found += [_rpm(row, release, distro) for row in listed["os"].get(RPM, ())]
    found += [
        Package(VSCODE, each["name"].lower(), each["version"], each["publisher"].lower(), licence=each["licence"])
        for each in listed["extensions"]
    ]
    return joined(found)


def _deb(row: list[str], release: dict[str, Any], distro: str) -> Package:
    name, version, architecture, _ = row
    return Package(DEB, name, version, release.get("ID", ""), _qualifiers(arch=architecture, distro=distro))


def _rpm(row: list[str], release: dict[str, Any], distro: str) -> Package:
    name, epoch, version, architecture, licence = row
    epoch = "" if epoch == "0" else epoch
    # Keys that the package manager trusts are listed as packages without an architecture.
    architecture = "" if architecture == "(none)" else architecture
    qualifiers = _qualifiers(arch=architecture, distro=distro, epoch=epoch)
    return Package(RPM, name, version, release.get("ID", ""), qualifiers, licence=licence)


def _qualifiers(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in values.items() if value))
