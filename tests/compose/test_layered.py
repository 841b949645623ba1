"""Recipes whose lists are divided: layers of large packages below the list, with what they need, and only there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue, selection
from workbench.attest.locked import locked_packages
from workbench.catalog.reader import read_catalogue
from workbench.compose.diff import diff
from workbench.compose.possible import compose_checked
from workbench.compose.recipe import Recipe
from workbench.errors import FaultsError, WorkbenchError

LAYERS = '\n[layers]\nfrom = ["300MB", "10MB"]\nbuilt-with = ["setuptools"]\n'
SNIPPET = (REPOSITORY / "bundles/python_packages_layer.snippet").read_text()
INSTALLS = "USER 1001\nCOPY requirements.txt /tmp/\nRUN uv pip install -r /tmp/requirements.txt\n"
SIZES = "# written\ntorch==2.0 500000000\nnumpy==1.0 20000000\nattrs==25.1.0 60000\nlab==4.0 12000000\nclick==8.1.8 ?\n"
PINS = {"attrs": "25.1.0", "click": "8.1.8", "lab": "4.0", "numpy": "1.0", "torch": "2.0"}


def lines(*names: str) -> str:
    return "".join(
        f"{name}=={PINS[name]} --hash=sha256:{hashlib.sha256(name.encode()).hexdigest()}\n" for name in names
    )


LIST = lines("attrs", "numpy", "torch")
FILES: dict[str, str | None] = {
    "releases/2026a.toml": RELEASE + LAYERS,
    "bundles/python_packages.snippet": INSTALLS,
    "bundles/python_packages_layer.snippet": SNIPPET,
    "bundles/1-plain/py311/sizes.txt": SIZES,
    "bundles/1-plain/py311/requirements.txt": LIST,
    "bundles/1-plain/py311/requirements-editor.txt": lines("click", "lab", "numpy"),
}


def with_files(folder: Path, files: Mapping[str, str | None]) -> Recipe:
    return compose_checked(read_catalogue(str(make_catalogue(folder, {**FILES, **files}))), selection())


def test_the_largest_come_first_then_the_whole_list_and_the_ides_own_below_the_ide(tmp_path: Path) -> None:
    recipe = with_files(tmp_path, {})
    titles = [section.title for section in recipe.sections]
    assert titles == [
        "Base image",
        "Python packages of the bundle plain from 300 MB on",
        "Python packages of the bundle plain from 10 MB on",
        "Python packages of the bundle plain",
        "Python packages of the IDE editor from 10 MB on",
        "The IDE editor",
    ]
    texts = {path: file.data.decode() for path, file in recipe.files.items() if path.startswith("large")}
    assert texts == {
        "large-300MB.txt": lines("torch"),
        "large-10MB.txt": lines("numpy"),
        "large-editor-10MB.txt": lines("lab"),
    }
    assert recipe.files["requirements.txt"].data.decode() == LIST
    assert recipe.sections[1].text == SNIPPET.replace("requirements.txt", "large-300MB.txt")
    assert "bundles/1-plain/py311/sizes.txt" in recipe.inputs


def test_a_small_pin_that_moves_changes_no_line_above_the_last_list(tmp_path: Path) -> None:
    before = with_files(tmp_path, {})
    moved = {
        "bundles/1-plain/py311/requirements.txt": LIST.replace("attrs==25.1.0", "attrs==25.1.1"),
        "bundles/1-plain/py311/sizes.txt": SIZES.replace("attrs==25.1.0 60000", "attrs==25.1.1 60001"),
    }
    after = with_files(tmp_path, moved)
    assert after.containerfile == before.containerfile
    changed = {path for path in before.files if before.files[path].data != after.files[path].data}
    assert changed == {"requirements.txt", "recipe.toml"}
    sides = [{path: file.data for path, file in recipe.files.items()} for recipe in (before, after)]
    found = diff(*sides)
    assert [(path, [change.name for change in moves]) for path, moves in found.packages.items()] == [
        ("requirements.txt", ["attrs"])
    ]
    assert found.files == []


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"bundles/1-plain/py311/sizes.txt": None}, id="no sizes"),
        pytest.param({"releases/2026a.toml": RELEASE}, id="a release that divides nothing"),
        pytest.param({"bundles/1-plain/py311/sizes.txt": SIZES.replace("00000", "")}, id="nothing large"),
    ],
)
def test_a_list_that_is_not_divided_composes_as_before(tmp_path: Path, files: dict[str, str | None]) -> None:
    without = {"releases/2026a.toml": RELEASE, "bundles/1-plain/py311/sizes.txt": None}
    plain = with_files(tmp_path / "plain", {**without, "bundles/python_packages_layer.snippet": None})
    found = with_files(tmp_path / "other", files)
    assert {path: file.data for path, file in found.files.items()} == {
        path: file.data for path, file in plain.files.items()
    }


def test_a_layer_gets_the_index_of_its_packages_and_the_others_do_not(tmp_path: Path) -> None:
    text = LIST.replace("torch", "--extra-index-url ${ROCM_INDEX_URL}\ntorch")
    recipe = with_files(tmp_path, {"bundles/1-plain/py311/requirements.txt": text})
    mounted = {section.title: "id=ROCM_INDEX_URL," in section.text for section in recipe.sections}
    assert [title for title, mounts in mounted.items() if mounts] == [
        "Python packages of the bundle plain from 300 MB on",
        "Python packages of the bundle plain",
    ]
    packages = locked_packages({path: file.data for path, file in recipe.files.items()}, "3.11")
    assert {each.name: each.index for each in packages} == {
        "attrs": "",
        "numpy": "",
        "torch": "ROCM_INDEX_URL",
        "lab": "",
    }


def test_every_package_is_once_in_what_is_attested(tmp_path: Path) -> None:
    recipe = with_files(tmp_path, {})
    packages = locked_packages({path: file.data for path, file in recipe.files.items()}, "3.11")
    assert sorted(each.name for each in packages) == ["attrs", "lab", "numpy", "torch"]


def test_a_file_in_the_place_of_a_layers_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"takes the place of the recipe's own large-300MB\.txt"):
        with_files(tmp_path, {"ides/1-editor/files/large-300MB.txt": "mine\n"})


def test_without_the_snippet_the_one_to_add_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"no python_packages_layer\.snippet serves c9s"):
        with_files(tmp_path, {"bundles/python_packages_layer.snippet": None})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('from = ["300"]', "'300' is no size: write it as 100MB"),
        ('from = ["10MB", "10MB"]', "the sizes must become smaller from one to the next"),
        (f"from = {[f'{size}MB' for size in range(20, 10, -1)]}", "has 10 sizes: 8 at most, as each is a layer"),
        ('from = ["10MB"]\nbuilt-with = ["no name"]', "'no name' is no name of a Python package"),
    ],
)
def test_faults_of_the_table(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(FaultsError) as error:
        with_files(tmp_path, {"releases/2026a.toml": f"{RELEASE}\n[layers]\n{table}\n"})
    assert message in str(error.value.faults)
