"""Sections on a real base: forked and joined, with package managers whose downloads are kept, and equal to podman's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import images_equal
from tests.catalogues import REPOSITORY
from tests.dockerd import Dockerd
from tests.engine import BaseChoice, Engine, ca_bundle
from tests.images.buildkit.dockers import Lines
from workbench.images.backend import choose, open_backend
from workbench.images.podman.builder import PodmanBuilder
from workbench.images.request import BuildRequest

pytestmark = pytest.mark.thorough

NAME = "localhost/sections:1"
PYTHON, SYSTEM = "bundles/python_packages.snippet", "ides/os_packages_ide.debian.snippet"

# Their wheels: what has no hash is not installed.
PINS = (
    "six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n"
    "idna==3.10 --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\n"
)


def request(base: BaseChoice, folder: Path, packages: list[str]) -> BuildRequest:
    """A recipe of the catalogue's own two sections, with small lists."""
    text = f"FROM {base.image}\n"
    for name in (PYTHON, SYSTEM):
        text += f"# === Packages ({name})\n" + (REPOSITORY / name).read_text()
    (folder / "os-ide").mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text(PINS)
    (folder / "os-ide/os-packages.txt").write_text("".join(f"{package}\n" for package in packages))
    bundle = ca_bundle()[-1] if ca_bundle() else ""
    return BuildRequest((NAME,), str(folder), f"{text}# === End (ides/x.snippet)\nUSER 1001\n", ca_bundle=bundle)


def test_sections_are_joined_to_what_podman_makes_of_them(
    engine: Engine, base: BaseChoice, dockerd_online: Dockerd, tmp_path: Path
) -> None:
    builder = open_backend(choose("buildkit", dockerd_online.address)).builder
    first, again = Lines(), Lines()
    builder.build(request(base, tmp_path, ["tree"]), first)
    assert any(line.startswith(f"join {PYTHON} and {SYSTEM}: they are built at the same time") for line in first.lines)
    assert not any("both change" in line for line in first.lines)
    more = request(base, tmp_path, ["tree", "ed"])
    builder.build(more, again)
    # Of the two archives one was fetched before: apt reports how much of the whole it needs.
    (needed,) = [line for line in again.lines if line.startswith("Need to get ")]
    assert "/" in needed.partition(" of archives")[0]
    PodmanBuilder().build(more, Lines())
    found = images_equal.differences(
        images_equal.of_podman(engine, NAME), images_equal.of_dockerd(dockerd_online, NAME)
    )
    assert found == [], "\n".join(map(str, found))
