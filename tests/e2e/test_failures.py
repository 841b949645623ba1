"""Failed builds on the real base: the error names the cause, and the file and line of the catalogue."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import BaseChoice, Engine, ca_bundle

pytestmark = pytest.mark.thorough

CATALOGUE = ("bundles", "ides", "base", "cuda-layer", "releases", "snippets")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A copy of the catalogue, to change."""
    for name in CATALOGUE:
        shutil.copytree(REPOSITORY / name, tmp_path / "catalogue" / name)
    return tmp_path / "catalogue"


def failed(base: BaseChoice, catalogue: Path, tmp_path: Path) -> list[str]:
    """Compose the runtime image of the minimal bundle, build it, and return the lines of the error."""
    flags = [*base.flags(), "--base=standard", "--bundle=minimal", "--ide=runtime", "--catalog", str(catalogue)]
    made = wizard("new", *flags, "--out", tmp_path / "recipes", "--offline", "--no-lint")
    assert made.returncode == 0, made.stderr
    (recipe,) = (tmp_path / "recipes").iterdir()
    done = wizard("build", recipe, *ca_bundle(), "--log-dir", tmp_path / "logs", "--catalog", catalogue)
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()[-2:]


def test_a_package_that_apt_does_not_have(engine: Engine, base: BaseChoice, catalogue: Path, tmp_path: Path) -> None:
    packages = catalogue / "bundles/1-minimal/os/os-packages.txt"
    packages.parent.mkdir(exist_ok=True)
    packages.write_text("bzip2\nlibgdal99\n")
    error, hint = failed(base, catalogue, tmp_path)
    assert error.startswith(f"error: {packages}:2: the operating system has no package libgdal99: building ")
    assert "os-packages.OS.txt" in hint and "the whole log is " in hint


def test_a_version_that_the_index_does_not_have(
    engine: Engine, base: BaseChoice, catalogue: Path, tmp_path: Path
) -> None:
    (folder,) = (catalogue / "bundles").glob("*-minimal/py311")
    (folder / "requirements.txt").write_text(f"attrs==99.1 --hash=sha256:{'a' * 64}\n")
    error, hint = failed(base, catalogue, tmp_path)
    assert error.startswith(f"error: {folder}/requirements.txt:1: the Python index has no attrs==99.1 for this Python")
    assert " lock`" in hint
