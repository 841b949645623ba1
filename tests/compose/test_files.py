from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from workbench.catalog.package_lists import package_list_faults
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import compose_checked
from workbench.compose.recipe import Recipe
from workbench.errors import FaultsError
from workbench.recipes.stale import check_folder
from workbench.recipes.write import IDENTICAL, write

FAMILY = {
    "bundles/1-plain/os/os-packages.txt": "git\ncurl\n",
    "bundles/1-plain/os/os-packages.bookworm.txt": "git-core\n",
    "bundles/1-plain/custom/custom.snippet": "ENV PLAIN=1\n",
    "bundles/2-child/display.txt": "Child",
    "bundles/2-child/bundle.toml": 'extends = "plain"\n',
    "bundles/2-child/py311/requirements.txt": "attrs==25.2.0\n",
    "bundles/2-child/os/os-packages.c9s.txt": "java\n\n curl\n",
}


def composed(tmp_path: Path, os: str) -> Recipe:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, FAMILY)))
    return compose_checked(catalogue, selection(bundle="child", ide="runtime", os=os))


def test_the_packages_of_the_parents_come_first_and_each_once(tmp_path: Path) -> None:
    recipe = composed(tmp_path, "c9s")
    assert recipe.files["os-packages.txt"].data == b"git\ncurl\njava\n"
    lists = {path for path in recipe.inputs if "os-packages." in path and path.startswith("bundles/")}
    assert lists == {
        "bundles/1-plain/os/os-packages.txt",
        "bundles/2-child/os/os-packages.c9s.txt",
    }


def test_a_list_of_a_parent_alone_serves_too(tmp_path: Path) -> None:
    recipe = composed(tmp_path, "bookworm")
    assert recipe.files["os-packages.txt"].data == b"git-core\n"
    assert "COPY os-packages.txt" in recipe.containerfile


def test_python_packages_and_custom_lines_are_the_bundles_own(tmp_path: Path) -> None:
    recipe = composed(tmp_path, "c9s")
    assert recipe.files["requirements.txt"].data == b"attrs==25.2.0\n"
    assert "ENV PLAIN" not in recipe.containerfile


def test_an_empty_folder_is_part_of_a_recipe(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"bundles/1-plain/custom/custom.snippet": "COPY plugins/ /opt/plugins/\n"})
    (folder / "bundles/1-plain/custom/files/plugins/empty").mkdir(parents=True)
    (folder / "ides/1-editor/files/data").mkdir()
    recipe = compose_checked(read_catalogue(str(folder)), selection())
    assert [path for path in recipe.files if path.endswith("/")] == ["data/", "plugins/empty/"]
    written = write(recipe, str(tmp_path / "out")).folder
    assert os.path.isdir(f"{written}/plugins/empty")
    assert check_folder(read_catalogue(str(folder)), written) == []
    assert not set(write(recipe, str(tmp_path / "out")).files.values()) - {IDENTICAL}
    os.rmdir(f"{written}/data")
    assert check_folder(read_catalogue(str(folder)), written) == [(f"{written}/data/", "is missing")]


def test_what_python_leaves_in_the_catalogue_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    left = {
        "ides/1-editor/files/tool/main.py": "",
        "ides/1-editor/files/tool/__pycache__/main.cpython-311.pyc": "bytes",
        "ides/1-editor/files/__pycache__/start.cpython-311.pyc": "bytes",
    }
    recipe = compose_checked(read_catalogue(str(make_catalogue(tmp_path, left))), selection(ide="editor"))
    assert [path for path in recipe.files if "main" in path or "pyc" in path] == ["tool/main.py"]


def test_what_an_ide_uses_brings_its_packages_before_the_ides_own(tmp_path: Path) -> None:
    files = {
        "snippets/front/files/front.py": "",
        "snippets/front/os/os-packages.txt": "nginx\nspawn-fcgi\n",
        "ides/1-editor/ide.toml": 'uses = ["front"]\n',
    }
    own = {"ides/1-editor/os/os-packages.c9s.txt": "ripgrep\nnginx\n"}
    # The list of the IDE alone, of what it uses alone, and both.
    shared, both = ("nginx\nspawn-fcgi\n", "nginx\nspawn-fcgi\nripgrep\n")
    for name, more, expected in (("shared", {}, shared), ("both", own, both)):
        catalogue = read_catalogue(str(make_catalogue(tmp_path / name, {**files, **more})))
        recipe = compose_checked(catalogue, selection())
        assert recipe.files["os-ide/os-packages.txt"].data.decode() == expected
        assert "RUN install os-packages.txt" in recipe.containerfile
        assert {"snippets/front/os/os-packages.txt", *more} <= set(recipe.inputs)


def test_a_list_that_is_shared_is_checked_like_any_other(tmp_path: Path) -> None:
    files = {
        "snippets/front/os/os-packages.txt": "nginx\nrm -rf\n",
        "snippets/front/os/os-packages.bokworm.txt": "nginx\n",
        "ides/1-editor/ide.toml": 'uses = ["front"]\n',
    }
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(make_catalogue(tmp_path, files)))
    ((where, message),) = caught.value.faults
    assert where == "snippets/front/os/os-packages.bokworm.txt"
    assert message.startswith("no operating system or family is named 'bokworm'")
    (tmp_path / "catalogue/snippets/front/os/os-packages.bokworm.txt").unlink()
    catalogue = read_catalogue(str(tmp_path / "catalogue"))
    assert package_list_faults(catalogue) == [
        ("snippets/front/os/os-packages.txt:2", "'rm -rf' is no name of a package")
    ]
