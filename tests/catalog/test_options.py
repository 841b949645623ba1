"""Options of an IDE: lists of operating system packages that its ide.toml chooses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from tests.command import wizard
from workbench.catalog.package_lists import needed_packages, package_list_faults
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import attempt, compose_checked
from workbench.errors import FaultsError

TOML, LIST, PACKAGES = "ides/1-editor/ide.toml", "ides/1-editor/os/tex.txt", "os-ide/os-packages.txt"


def test_an_option_installs_its_list_when_it_is_chosen(tmp_path: Path) -> None:
    files = {LIST: "tex\n", "ides/1-editor/os/tex.c9s.txt": "texlive\n"}
    without, with_it = (
        read_catalogue(str(make_catalogue(tmp_path / chosen, {**files, TOML: f"[options]\ntex = {chosen}\n"})))
        for chosen in ("false", "true")
    )
    bookworm = selection(os="bookworm")
    assert PACKAGES not in compose_checked(without, bookworm).files
    assert "IDE editor (ides/os_packages_ide" not in compose_checked(without, bookworm).containerfile
    assert compose_checked(with_it, bookworm).files[PACKAGES].data == b"tex\n"
    assert "IDE editor (ides/os_packages_ide" in compose_checked(with_it, bookworm).containerfile
    assert compose_checked(with_it, selection(os="c9s")).files[PACKAGES].data == b"texlive\n"


def test_it_is_listed(tmp_path: Path) -> None:
    root = make_catalogue(tmp_path, {LIST: "tex\n", TOML: "[options]\ntex = true\n"})
    editor, runtime = json.loads(wizard("list", "ides", "--json", "--catalog", root).stdout)["ides"]
    assert (editor["options"], runtime["options"]) == (["tex (on)"], [])


def test_it_comes_after_the_ides_own_list(tmp_path: Path) -> None:
    files = {LIST: "tex\n", "ides/1-editor/os/os-packages.txt": "editor\n", TOML: "[options]\ntex = true\n"}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    assert compose_checked(catalogue, selection()).files[PACKAGES].data == b"editor\ntex\n"


def test_its_list_is_checked_chosen_or_not(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {LIST: "tex\n", TOML: "[options]\ntex = false\n"})))
    assert needed_packages(catalogue)["bookworm"] == {"tex": [f"{LIST}:1"]}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {LIST: "-y\n", TOML: "[options]\ntex = false\n"})))
    assert [where for where, _ in package_list_faults(catalogue)] == [f"{LIST}:1"]


def test_what_a_system_lacks_matters_only_to_who_chose_it(tmp_path: Path) -> None:
    files = {LIST: "tex\n", "base/bookworm/unavailable.txt": "tex\n"}
    for chosen, reason in (("false", ""), ("true", "IDE editor needs tex, which bookworm does not have")):
        root = make_catalogue(tmp_path / chosen, {**files, TOML: f"[options]\ntex = {chosen}\n"})
        assert reason in attempt(read_catalogue(str(root)), selection(os="bookworm"))[1]


@pytest.mark.parametrize(
    ("toml", "files", "place", "fault"),
    [
        ("[options]\ntex = true\n", {}, TOML, "the option 'tex' has no list: add os/tex.txt or remove it"),
        ("[options]\n'../tex' = true\n", {LIST: "tex\n"}, TOML, "the option '../tex' has no list"),
        ("[options]\ntex = 'yes'\n", {LIST: "tex\n"}, f"{TOML}:2", "options.tex must be true or false"),
        ("options = ['tex']\n", {LIST: "tex\n"}, f"{TOML}:1", "options must be a table"),
        ("", {LIST: "tex\n"}, "ides/1-editor/os", "has no os-packages.txt: add it or remove the folder"),
        ("[options]\ntex = true\n", {"ides/1-editor/os/tex.debain.txt": "tex\n"}, "ides/1-editor/os/tex.debain.txt",
         "no operating system or family is named 'debain'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_reported(tmp_path: Path, toml: str, files: dict[str, str], place: str, fault: str) -> None:
    families = {"base/bookworm/os.toml": 'family = "debian"\ndisplay = "Debian"\n'}
    with pytest.raises(FaultsError) as error:
        read_catalogue(str(make_catalogue(tmp_path, {**files, **families, TOML: toml})))
    found = [message for where, message in error.value.faults if where == place]
    assert any(fault in message for message in found), error.value.faults
