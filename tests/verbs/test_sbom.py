from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import files_below, wizard
from tests.engine import TINY, Engine
from tests.images.recipes import TAG, recipe


def test_the_sbom_of_a_recipe_is_the_same_each_time_and_leaves_the_folder_as_it_is(
    engine: Engine, tmp_path: Path
) -> None:
    folder = recipe(tmp_path, engine, "RUN pip install -r requirements.txt\n")
    before = files_below(folder)
    done = wizard("sbom", folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metadata"]["component"]["version"] == TAG
    assert [each["purl"] for each in found["components"]] == ["pkg:pypi/attrs@25.1.0"]
    written = wizard("sbom", folder, "--out", tmp_path / "it.json")
    assert written.stdout == f"{tmp_path}/it.json\n"
    assert (tmp_path / "it.json").read_text() == done.stdout
    assert files_below(folder) == before


@pytest.mark.parametrize("subject", ["none", "localhost/none:1", "-x y"])
def test_what_is_neither_recipe_nor_image(engine: Engine, subject: str) -> None:
    done = wizard("sbom", "--", subject)
    assert done.returncode == 1
    assert f"error: {subject} is neither a recipe folder nor an image that is here" in done.stderr


def test_an_image_without_python_is_reported(engine: Engine) -> None:
    done = wizard("sbom", TINY)
    assert done.returncode == 1
    assert f"error: {TINY} cannot list its packages: " in done.stderr


def test_records_of_a_build_are_no_part_of_the_recipe(engine: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, engine)
    catalogue = tmp_path / "catalogue"
    built = wizard("build", folder, "--log-dir", tmp_path / "logs")
    assert built.returncode == 0, built.stderr
    assert (folder / "provenance.json").is_file() and (folder / "sbom.cdx.json").is_file()
    assert wizard("check", "--catalog", catalogue, "--no-lint", folder).returncode == 0
    again = wizard(
        "new", "--catalog", catalogue, "--answers", folder / "recipe.toml", "--offline", "--out", folder.parent
    )
    assert again.returncode == 0, again.stderr
    assert "conflict" not in again.stdout
    # A record below the top, and a file of another name, are somebody's own.
    (folder / "files").mkdir()
    (folder / "files" / "sbom.cdx.json").write_text("mine")
    assert wizard("check", "--catalog", catalogue, "--no-lint", folder).returncode == 1
