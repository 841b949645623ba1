from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from tests.images.recipes import IMAGE, TAG
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import compose_checked
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.recipe_request import recipe_request
from workbench.recipes.write import write


def written(folder: Path) -> tuple[Path, str]:
    """Write a small recipe and return its folder and the digest of what it was made from."""
    recipe = compose_checked(read_catalogue(str(make_catalogue(folder))), selection())
    return Path(write(recipe, str(folder / "out")).folder), recipe.source


def test_the_request_of_a_recipe(tmp_path: Path) -> None:
    folder, source = written(tmp_path)
    request = recipe_request(str(folder), options=("--jobs=2",), ca_bundle="ca.pem", cache=False)
    assert request.names == (IMAGE,)
    assert request.tag == TAG
    assert request.text == (folder / "Containerfile").read_text()
    assert request.labels == {
        "io.workbench-images.tag": TAG,
        "io.workbench-images.release": "2026a",
        "io.workbench-images.source": source,
        "org.opencontainers.image.created": "2026-11-22T00:00:00Z",
    }
    assert (request.options, request.ca_bundle, request.cache) == (("--jobs=2",), "ca.pem", False)


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_folder_changed_by_hand_is_reported(change: str, tmp_path: Path) -> None:
    folder, source = written(tmp_path)
    if change == "edit":
        (folder / "requirements.txt").write_text("attrs==25.2.0\n")
    elif change == "add":
        (folder / "more.txt").write_text("")
    else:
        (folder / "requirements-editor.txt").unlink()
    assert recipe_request(str(folder)).labels["io.workbench-images.source"] == f"{source}-changed"


def test_a_containerfile_that_cannot_be_built(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    (folder / "start.sh").unlink()
    with (folder / "Containerfile").open("a") as file:
        file.write("USER 0\n")
    lines = (folder / "Containerfile").read_text().splitlines()
    with pytest.raises(FaultsError) as error:
        recipe_request(str(folder))
    assert error.value.faults == [
        (
            f"{folder}/Containerfile:{lines.index('COPY start.sh /opt/app-root/bin/') + 1}",
            "COPY start.sh: the recipe has no such file",
        ),
        (f"{folder}/Containerfile:{len(lines)}", "the image would run as USER 0, and must end as USER 1001"),
    ]


def test_a_tag_that_is_none(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    manifest = folder / "recipe.toml"
    manifest.write_text(manifest.read_text().replace(f'tag = "{TAG}"', 'tag = "a b; rm"'))
    with pytest.raises(WorkbenchError, match="is not a tag"):
        recipe_request(str(folder))


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="there is no such recipe folder"):
        recipe_request(str(tmp_path / "nothing"))
    with pytest.raises(WorkbenchError, match="cannot be read"):
        recipe_request(str(tmp_path))
