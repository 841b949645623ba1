from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import files_below, wizard
from tests.release.sets import BASE, CUDA, EDITOR, END, FILES, LAYER, RECIPE, RELEASE, RUNTIME, SET, make_set
from workbench.catalog.reader import read_catalogue
from workbench.cli import main
from workbench.errors import FaultsError, WorkbenchError
from workbench.release.standard import composed_set, graph, images, selections


def test_each_image_comes_after_the_one_it_stands_on(tmp_path: Path) -> None:
    found = graph(images(read_catalogue(str(make_catalogue(tmp_path, FILES))), "2026a", "20261122"))
    assert found == {BASE: "", LAYER: BASE, EDITOR: BASE, RUNTIME: BASE, CUDA: LAYER}
    assert list(found) == [BASE, LAYER, EDITOR, RUNTIME, CUDA]


def test_a_deep_layer_brings_those_below_it_and_its_other_name(tmp_path: Path) -> None:
    release = RELEASE + RECIPE.format("cuda", "editor")
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {**FILES, "releases/2026a.toml": release})))
    found = images(catalogue, "2026a", "20261122")
    chain = [f"cuda-mini-py311-{layer}_{END}" for layer in ("base", "runtime", "runtime-cudnn")]
    assert list(found) == [BASE, *chain, f"cuda-editor-plain-mini-py311_{END}"]
    assert found[chain[2]].also == (f"cuda-base-mini-py311_{END}",)
    assert found[f"cuda-editor-plain-mini-py311_{END}"].below == chain[2]


def test_a_foreign_base_is_no_image_of_the_set(tmp_path: Path) -> None:
    release = RELEASE + RECIPE.format("quay.io/team/other:1", "editor")
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {**FILES, "releases/2026a.toml": release})))
    assert graph(images(catalogue, "2026a", "20261122")) == {EDITOR: "quay.io/team/other:1"}


def test_two_recipes_of_one_tag_are_refused(tmp_path: Path) -> None:
    release = RELEASE + RECIPE.format("cuda", "editor") + RECIPE.format("cuda-thin", "editor")
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {**FILES, "releases/2026a.toml": release})))
    with pytest.raises(FaultsError) as error:
        selections(catalogue, "2026a", "20261122")
    tag = f"cuda-editor-plain-mini-py311_{END}"
    assert error.value.faults == [("releases/2026a.toml", f"{tag} is published twice, on cuda and cuda-thin")]


def test_a_release_without_recipes_is_reported(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {**FILES, "releases/2026a.toml": RELEASE})))
    with pytest.raises(WorkbenchError, match="so it has no standard set"):
        selections(catalogue, "2026a", "20261122")


def test_every_fault_of_the_set_is_reported_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    rules = {"ides/1-editor/ide.toml": 'cuda = "required"\n', "ides/2-runtime/ide.toml": 'cuda = "never"\n'}
    folder = make_catalogue(tmp_path, {**FILES, **rules})
    done = wizard("recipes", "--catalog", folder, *SET, "--out", tmp_path / "recipes")
    assert done.returncode == 1
    assert "error: 2 faults in the standard set of release 2026a\n" in done.stderr
    assert f"  {EDITOR}: " in done.stderr
    assert f"  {CUDA}: " in done.stderr
    assert not (tmp_path / "recipes").exists()


def test_the_set_has_the_bytes_that_new_writes(tmp_path: Path) -> None:
    folder = make_set(tmp_path)
    for base, ide, tag in (("standard", "editor", EDITOR), ("cuda-thin", "runtime", CUDA)):
        flags = [f"--base={base}", "--os=mini", "--python=3.11", "--bundle=plain", f"--ide={ide}", "--offline"]
        done = wizard("new", "--catalog", folder, *SET, *flags, "--out", tmp_path / "one")
        assert done.returncode == 0, done.stderr
        assert files_below(tmp_path / "one" / tag) == files_below(tmp_path / "recipes" / tag)
    again = wizard("recipes", "--catalog", folder, *SET, "--out", tmp_path / "recipes", "--json")
    assert {row["status"] for row in json.loads(again.stdout)} == {"identical"}


def test_folders_that_differ_are_left_and_named(tmp_path: Path) -> None:
    folder = make_set(tmp_path)
    (tmp_path / "recipes" / EDITOR / "start.sh").write_text("mine\n")
    done = wizard("recipes", "--catalog", folder, *SET, "--out", tmp_path / "recipes")
    assert done.returncode == 1
    assert "1 of 3 recipes were not written" in done.stderr
    assert (tmp_path / "recipes" / EDITOR / "start.sh").read_text() == "mine\n"


def test_the_list_shows_what_stands_on_what(tmp_path: Path) -> None:
    done = wizard("recipes", "--catalog", make_catalogue(tmp_path, FILES), *SET, "--list")
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert rows[1:] == [[BASE, "the root image"], [LAYER, BASE], [EDITOR, BASE], [RUNTIME, BASE], [CUDA, LAYER]]


def test_what_is_not_for_the_architecture_is_neither_composed_nor_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `new` refuses it: by this machine's architecture, where no flag names another."""
    release = f'architectures = ["x86_64", "aarch64"]\n\n{FILES["releases/2026a.toml"]}'
    rules = {"releases/2026a.toml": release, "ides/1-editor/ide.toml": 'architectures = ["x86_64"]\n'}
    folder, out = make_set(tmp_path, rules), tmp_path / "there"
    why = f"  {EDITOR}: IDE editor is for x86_64 only, and not for aarch64\n"
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    def run(*arguments: object) -> tuple[int, str]:
        status = main([*map(str, arguments), "--catalog", str(folder), *SET])
        return status, capsys.readouterr().err

    status, message = run("recipes", "--no-lint", "--out", out)
    assert (status, out.exists()) == (1, False)
    assert f"error: 1 faults in the standard set of release 2026a\n{why}" in message
    assert "recipes are the same for all: --architecture names another machine's" in message
    assert run("recipes", "--no-lint", "--out", out, "--architecture=x86_64")[0] == 0
    assert files_below(out) == files_below(tmp_path / "recipes")

    status, message = run("images", "--recipes", out)
    assert status == 1
    assert f"error: the standard set of release 2026a cannot be built for aarch64\n{why}" in message
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "release 2026a is for x86_64 or aarch64 only, and not for riscv64" in run("images", "--recipes", out)[1]


@pytest.mark.parametrize("release", sorted(read_catalogue(str(REPOSITORY)).releases))
def test_our_own_sets_can_be_composed(release: str) -> None:
    catalogue = read_catalogue(str(REPOSITORY))
    recipes = composed_set(catalogue, release, "20261122")
    assert len(recipes) == len(catalogue.releases[release].recipes) > 0
