"""Lists of operating system packages: comments are dropped, and what is no name is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from workbench.catalog.os_packages import packages_of
from workbench.catalog.package_lists import package_list_faults
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import attempt, compose_checked

LIST = "bundles/1-plain/os/os-packages.txt"


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("curl\n# for the editor\ntree\n", ["curl", "tree"]),
        ("curl\n# don't remove\n", ["curl"]),
        ("curl\n\n   \n\t# why\ntree # shows folders\n", ["curl", "tree"]),
        ("curl\r\n# one\r\ntree\r\n", ["curl", "tree"]),
        ("\ufeffcurl\ntree", ["curl", "tree"]),
        ("g++\nlibc6:i386\njq=1.6-2.1+deb12u1\ntmux/bookworm-backports\nR\n@development\npython3.11-dev\n",
         ["g++", "libc6:i386", "jq=1.6-2.1+deb12u1", "tmux/bookworm-backports", "R", "@development",
          "python3.11-dev"]),
        ("curl\ncurl\n", ["curl"]),
    ],
)  # fmt: skip
def test_what_a_list_installs(tmp_path: Path, text: str, packages: list[str]) -> None:
    for path, place in ((LIST, "os-packages.txt"), ("ides/1-editor/os/os-packages.txt", "os-ide/os-packages.txt")):
        catalogue = read_catalogue(str(make_catalogue(tmp_path, {path: text})))
        recipe = compose_checked(catalogue, selection())
        assert recipe.files[place].data.decode() == "".join(f"{name}\n" for name in packages)
        assert package_list_faults(catalogue) == []


@pytest.mark.parametrize(
    "line",
    ["apt-get install -y jq", "curl tree", "--allow-unauthenticated", "-y", "curl-", "$(id)", "a;b", "'curl'",
     "https://example.com/a.rpm", "./a.deb", "a\\", "a#b", "café"],
)  # fmt: skip
def test_what_is_no_name_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {LIST: f"# a comment\ncurl\n{line}\n"})))
    recipe, reason = attempt(catalogue, selection())
    assert recipe is None
    assert reason.startswith(f"{LIST}:3: ")
    assert "is no name of a package" in reason
    assert [where for where, _ in package_list_faults(catalogue)] == [f"{LIST}:3"]
    assert [fits for _, _, fits in packages_of(line)] == [False]
