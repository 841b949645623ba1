from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import files_below
from workbench.catalog.reader import read_catalogue
from workbench.errors import WorkbenchError
from workbench.images.tool_image import tool_image
from workbench.monobase.generation import DATA
from workbench.monobase.requirements import read_lock
from workbench.verbs.monobase.image import FOLDER, TOOL


def test_the_image_installs_what_our_own_lock_pins() -> None:
    pins = json.loads((REPOSITORY / "Pipfile.lock").read_text())["default"]
    locked = read_lock(str(DATA / "image/requirements.txt"))
    ours = {name: f"{name}{pins[name]['version']} {hashes(pins[name])}" for name in pins}
    assert {package.name: package.text for package in locked.packages} == {
        package.name: ours[package.name] for package in locked.packages
    }
    assert {"uv", "packaging", "rich"} <= {package.name for package in locked.packages}


def hashes(pin: dict[str, list[str]]) -> str:
    return " ".join(f"--hash={one}" for one in sorted(pin["hashes"]))


@pytest.mark.parametrize(("os_name", "python", "package"), [("bookworm", "3.11", "apt-get"), ("c9s", "3.12", "dnf")])
def test_each_system_has_an_image_and_its_folder_has_all_that_is_copied(
    os_name: str, python: str, package: str
) -> None:
    catalogue = read_catalogue(str(REPOSITORY))
    with tool_image(
        "monobase", FOLDER, TOOL, catalogue, str(REPOSITORY), "2026a", os_name, python, "20261122"
    ) as request:
        folder = Path(request.folder)
        found = files_below(folder)
        assert package in request.text
        assert {path.partition("/")[0] for path in found} == {"image", "tool"}
        assert {
            "tool/workbench/cli.py",
            "tool/monobase/build.py",
            "tool/monobase/exec.sh",
            "tool/monobase/generations/g00001.toml",
            "tool/monobase/test/requirements/g00001/matrix.json",
            "tool/releases/compat.toml",
        } <= found.keys()
        assert not [path for path in found if "__pycache__" in path or "monobase/kubernetes" in path]
    assert not folder.exists()
    stem = f"localhost/workbench-images:monobase-{os_name}-py{python.replace('.', '')}_2026a"
    assert request.names == (f"{stem}_20261122", f"{stem}_latest")
    assert request.arguments["BASE_IMAGE"].endswith(f":base-{os_name}-py{python.replace('.', '')}_2026a_20261122")


def test_a_system_that_the_release_does_not_have_is_refused() -> None:
    catalogue = read_catalogue(str(REPOSITORY))
    with (
        pytest.raises(WorkbenchError, match="operating system"),
        tool_image("monobase", FOLDER, TOOL, catalogue, str(REPOSITORY), "2026a", "plan9", "3.11", "20261122"),
    ):
        pass
