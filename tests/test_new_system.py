"""An operating system, a Python and a release are new files and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard

RELEASE = """\
display = "2027a (forky)"

[defaults]
os = "forky"
python = "3.14"
bundle = "minimal"
ide = "jupyter"

[os.forky]
image = "docker.io/library/debian:forky-slim"
pythons = ["3.14"]
"""


@pytest.fixture
def with_forky(tmp_path: Path) -> Path:
    """Our catalogue, with Debian 14 and its Python 3.14 beside it."""
    catalogue = tmp_path / "catalogue"
    for name in ("base", "bundles", "ides", "releases", "snippets"):
        shutil.copytree(REPOSITORY / name, catalogue / name)
    before = {path for path in catalogue.rglob("*") if path.is_file()}
    (catalogue / "releases/2027a.toml").write_text(RELEASE)
    shutil.copytree(catalogue / "base/bookworm", catalogue / "base/forky", ignore=shutil.ignore_patterns("py*"))
    (catalogue / "base/forky/os.toml").write_text('display = "Debian 14 (forky)"\nfamily = "debian"\n')
    for path in ("base/forky/py314", "bundles/1-minimal/py314"):
        (catalogue / path).mkdir()
        for file in (catalogue / "bundles/1-minimal/py312").glob("requirements*.txt"):
            shutil.copy(file, catalogue / path / file.name)
    assert before < {path for path in catalogue.rglob("*") if path.is_file()}, "only new files"
    return catalogue


@pytest.mark.slow
def test_a_new_system_is_offered_composed_and_linted(with_forky: Path, tmp_path: Path) -> None:
    done = wizard(
        "new", "--catalog", with_forky, "--defaults", "--offline", "--date=20270101", "--out", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out/jupyter-minimal-forky-py314_2027a_20270101/Containerfile").read_text()
    assert "FROM localhost/workbench-images:base-forky-py314_2027a_20270101\n" in text
    done = wizard("new", "--catalog", with_forky, "--defaults", "--ide=tensorboard", "--offline", "--dry-run")
    assert "apt-get install" in done.stdout, done.stderr
    assert "/opt/app-root/lib/python3.14/" in text
    rows = json.loads(wizard("matrix", "--catalog", with_forky, "--os=forky", "--bundle=minimal", "--json").stdout)
    assert {row["selection"]["ide"] for row in rows if row["possible"]} >= {"jupyter", "runtime"}
    missing = json.loads(
        wizard("matrix", "--catalog", with_forky, "--os=forky", "--bundle=datascience", "--json").stdout
    )
    assert {row["reason"] for row in missing if row["selection"]["release"] == "2027a"} >= {
        "bundle datascience has no packages for Python 3.14 (no folder py314)"
    }
    assert wizard("check", "--catalog", with_forky).returncode == 0


def test_its_base_can_be_built(with_forky: Path) -> None:
    """As far as the catalogue goes: podman is called only once everything else exists."""
    done = wizard("base", "--catalog", with_forky, "--os=forky", "--python=3.12", "--release=2027a", "--date=latest")
    assert done.returncode == 2
    assert "release 2027a has no Python 3.12 on forky\n  hint: it has 3.14" in done.stderr
