"""Our catalogue for aarch64: what is for x86_64 only is named, and every other recipe is the same for both."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import pytest

from tests.catalogues import ANSWERS, RELEASE, REPOSITORY, make_catalogue, selection
from tests.command import wizard
from tests.test_bundles import PLACES
from workbench.architecture import this_architecture
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.compose.possible import attempt, combinations, compose_checked
from workbench.errors import FaultsError
from workbench.recipes.make import select
from workbench.verbs.check import check_catalogue

ARM = "aarch64"


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


def why(ours: Catalogue, **answers: str) -> list[str]:
    return list(reasons(ours, {"release": "2026a", "architecture": ARM, **answers}))


def test_what_is_for_x86_64_only_is_named(ours: Catalogue) -> None:
    assert why(ours, ide="rstudio", os="bookworm") == ["IDE rstudio is for x86_64 only, and not for aarch64"]
    assert why(ours, base="rocm") == ["the base rocm is for x86_64 only, and not for aarch64"]
    for os, python in PLACES:
        chosen = {"base": "cpu", "os": os, "python": python, "bundle": "tensorflow"}
        assert why(ours, **chosen) == ["bundle tensorflow needs tensorflow-cpu, of which there is no build for aarch64"]
        assert why(ours, **chosen, architecture="x86_64") == []
        trustyai = why(ours, os=os, python=python, bundle="trustyai")
        assert os == "trixie" or trustyai == ["bundle trustyai needs jpype1, of which there is no build for aarch64"]
    assert list(reasons(ours, {"release": "2025b", "architecture": ARM})) == [
        "release 2025b is for x86_64 only, and not for aarch64"
    ]
    assert "only, and not for riscv64" in why(ours, architecture="riscv64")[0]


def test_all_others_are_the_same_recipe_for_both(ours: Catalogue) -> None:
    """No byte depends on the architecture: what a step needs to know of it, it sees when it is built."""
    # What the rules let through is composed: tests/test_matrix.py.
    possible = [
        chosen
        for chosen in combinations(ours, "latest", None, "2026a", ARM)
        if not list(reasons(ours, chosen.as_answers()))
    ]
    assert {(chosen.os, chosen.bundle) for chosen in possible} >= {("trixie", "minimal"), ("c9s", "spark")}
    assert {chosen.bundle for chosen in possible} == set(ours.bundles) - {"trustyai"}
    assert {chosen.ide for chosen in possible} == set(ours.ides) - {"rstudio"}
    for chosen in possible[::7]:
        there = compose_checked(ours, chosen)
        assert compose_checked(ours, replace(chosen, architecture="")).files == there.files


def test_nothing_in_a_recipe_for_aarch64_names_another_machine(ours: Catalogue) -> None:
    for os, python in PLACES:
        for ide in ("jupyter", "vscode", "tensorboard", "runtime"):
            chosen = Selection("2026a", "latest", "standard", os, python, "minimal", ide, architecture=ARM)
            text = compose_checked(ours, chosen).containerfile
            foreign = [line for line in text.splitlines() if "x86_64" in line or "amd64" in line]
            # code-server's archive is chosen by the machine that builds.
            assert [line.split() for line in foreign] == ([["x86_64)", *foreign[0].split()[1:]]] if foreign else [])
            assert bool(foreign) == ((os, ide) == ("c9s", "vscode"))


def test_it_is_this_machine_s_where_nobody_names_one(monkeypatch: pytest.MonkeyPatch, ours: Catalogue) -> None:
    for machine, architecture in (("x86_64", "x86_64"), ("aarch64", ARM), ("arm64", ARM), ("AMD64", "x86_64")):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert this_architecture() == architecture
        chosen = select(ours, {"release": "2026a"}, answers_file="", date="latest")
        assert chosen.architecture == architecture
        given = select(ours, {"release": "2026a", "architecture": "x86_64"}, answers_file="", date="latest")
        assert given.architecture == "x86_64"


def test_the_commands_name_it_and_write_nothing_of_it(tmp_path: Path) -> None:
    matrix = wizard(
        "matrix", "--architecture=aarch64", "--ide=rstudio", "--bundle=r", "--base=standard", "--os=bookworm"
    )
    assert "IDE rstudio is for x86_64 only, and not for aarch64" in matrix.stdout
    assert "1 combination, 0 possible" in matrix.stdout
    flags = ("--defaults", "--offline", "--no-lint", "--date=20261122")
    refused = wizard("new", *flags, "--base=cpu", "--bundle=tensorflow", "--architecture=aarch64", "--out", tmp_path)
    assert refused.returncode == 1
    assert "needs tensorflow-cpu, of which there is no build for aarch64" in refused.stderr
    for architecture in ("aarch64", "x86_64"):
        done = wizard("new", *flags, "--architecture", architecture, "--out", tmp_path)
        assert done.returncode == 0, done.stderr
        # The second one finds the recipe of the first as it is.
        assert ("identical  recipe.toml" in done.stdout) == (architecture == "x86_64")
    assert "architecture" not in (tmp_path / "jupyter-minimal-bookworm-py311_2026a_20261122/recipe.toml").read_text()


def test_rules_and_records_are_data(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "releases/2026a.toml": f'architectures = ["x86_64", "aarch64"]\n{RELEASE}',
        "ides/1-editor/ide.toml": 'architectures = ["x86_64"]\n',
        "bundles/1-plain/py311/unavailable.aarch64.txt": "# written\nClick\nattrs\n",
        "bundles/1-plain/py311/requirements-runtime.txt": "click==8.1.8\n",
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    answers = {**ANSWERS, "architecture": ARM}
    assert list(reasons(catalogue, answers)) == [
        "IDE editor is for x86_64 only, and not for aarch64",
        "bundle plain needs attrs, of which there is no build for aarch64",
        "IDE editor needs click, of which there is no build for aarch64",
    ]
    assert list(reasons(catalogue, {**answers, "ide": "runtime", "python": "3.12"})) == [
        "release 2026a has no Python 3.12 on c9s (it has 3.11)"
    ]
    assert attempt(catalogue, selection())[0]
    # What is for others only is no fault.
    _, faults, notes = check_catalogue(catalogue, with_lint=False, architecture=ARM)
    assert faults == []
    assert [where for where, _ in notes] == ["ides/1-editor"]
    files["releases/2026a.toml"] = f'architectures = ["a/b"]\n{RELEASE}'
    with pytest.raises(FaultsError) as raised:
        read_catalogue(str(make_catalogue(tmp_path, files)))
    assert raised.value.faults == [("releases/2026a.toml:1", "'a/b' is no architecture: write it as aarch64")]
