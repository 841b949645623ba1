from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import files_below, wizard
from workbench.cli import main

TAG = "editor-plain-c9s-py311_2026a_20261122"
FLAGS = ["--release=2026a", "--date=20261122", "--base=standard", "--os=c9s", "--python=3.11"]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of the small catalogue, whose composed files are remembered in a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    catalogue = make_catalogue(tmp_path)
    arguments = [*FLAGS, "--bundle=plain", "--ide=editor", "--offline", "--out", str(tmp_path / "recipes")]
    assert main(["new", "--catalog", str(catalogue), *arguments]) == 0
    return tmp_path / "recipes" / TAG


def update(tmp_path: Path, recipe: Path, *flags: str, files: dict[str, str | None] | None = None) -> int:
    return main(["update", str(recipe), "--catalog", str(make_catalogue(tmp_path, files)), "--offline", *flags])


def test_nothing_to_update(tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files_below(recipe)
    capsys.readouterr()
    assert update(tmp_path, recipe) == 0
    assert capsys.readouterr().out.endswith(f"{recipe}: nothing to update\n")
    assert files_below(recipe) == before


def test_the_catalogue_changed_and_so_did_the_user(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    containerfile = recipe / "Containerfile"
    containerfile.write_text(
        containerfile.read_text().replace("USER 1001\nCOPY start.sh", "ENV MINE=1\nUSER 1001\nCOPY start.sh")
    )
    (recipe / "notes.txt").write_text("mine\n")
    changed = {
        "bundles/python_packages.snippet": "USER 1001\nCOPY requirements.txt ./\nRUN pip install --new\n",
        "bundles/1-plain/py311/requirements.txt": "attrs==25.2.0\n",
    }
    capsys.readouterr()
    # Shown first, and nothing is written.
    before = files_below(recipe)
    assert update(tmp_path, recipe, "--dry-run", files={**changed}) == 0
    assert files_below(recipe) == before
    assert f"would be written to {recipe}" in capsys.readouterr().out
    assert update(tmp_path, recipe, files={**changed}) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "  ~ attrs 25.1.0 -> 25.2.0" in shown
    assert "+RUN pip install --new" in shown
    assert [line.split() for line in shown if line.startswith(("  merge", "  keep"))] == [
        ["merge", "Containerfile"],
        ["keep", "notes.txt"],
    ]
    text = containerfile.read_text()
    assert "ENV MINE=1\n" in text and "--new" in text and "<<<<" not in text
    assert (recipe / "requirements.txt").read_text() == "attrs==25.2.0\n"
    assert (recipe / "notes.txt").read_text() == "mine\n"
    # What is the user's is still known as that.
    done = wizard("check", recipe, "--catalog", tmp_path / "catalogue", "--no-lint")
    assert "changed by hand" in done.stderr


def test_both_changed_the_same_lines(tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = recipe / "start.sh"
    start.write_text("#!/bin/sh\nexec editor --mine\n")
    capsys.readouterr()
    assert update(tmp_path, recipe, files={"ides/1-editor/files/start.sh": "#!/bin/sh\nexec editor --new\n"}) == 1
    shown = capsys.readouterr()
    assert f"look at {start}: changed by hand and in the catalogue, in the same lines" in shown.err
    assert "build it with" not in shown.out
    assert start.read_text().splitlines()[1:] == [
        *("<<<<<<< changed by hand", "exec editor --mine", "=======", "exec editor --new", ">>>>>>> composed anew"),
    ]
    assert start.stat().st_mode & 0o100


def test_another_date_is_a_folder_beside_with_the_changes_in_it(tmp_path: Path, recipe: Path) -> None:
    (recipe / "start.sh").write_text("#!/bin/sh\nexec editor --mine\n")
    (recipe / "data").symlink_to("notes")
    before = files_below(recipe)
    assert update(tmp_path, recipe, "--date=20261201") == 0
    new = recipe.parent / TAG.replace("20261122", "20261201")
    assert files_below(recipe) == before
    assert (new / "start.sh").read_text() == "#!/bin/sh\nexec editor --mine\n"
    assert "20261201" in (new / "Containerfile").read_text()
    assert (new / "data").is_symlink()
    # It is not written over.
    assert update(tmp_path, recipe, "--date=20261201") == 1


def test_files_that_went_or_came_or_are_no_text(tmp_path: Path, recipe: Path) -> None:
    (recipe / "requirements-editor.txt").unlink()
    (recipe / "start.sh").write_bytes(b"\xff\xfe by hand")
    files: dict[str, str | None] = {
        "ides/1-editor/files/start.sh": "#!/bin/sh\nexec editor --new\n",
        "ides/1-editor/files/more.txt": "more\n",
    }
    assert update(tmp_path, recipe, files=files) == 1
    # Removed by hand, and the catalogue has it as it was: it stays removed.
    assert not (recipe / "requirements-editor.txt").exists()
    assert (recipe / "start.sh").read_bytes() == b"\xff\xfe by hand"
    assert (recipe / "start.sh.composed").read_text() == "#!/bin/sh\nexec editor --new\n"
    assert (recipe / "more.txt").read_text() == "more\n"
    files = {"ides/1-editor/files/more.txt": None, "ides/1-editor/files/start.sh": None}
    (recipe / "more.txt").write_text("more of mine\n")
    update(tmp_path, recipe, files={**files, "ides/1-editor/editor.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n"})
    assert (recipe / "more.txt").read_text() == "more of mine\n"


def test_without_what_was_composed_every_difference_is_shown(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kept in (tmp_path / "cache/workbench-images/composed").iterdir():
        kept.write_text("damaged")
    (recipe / "start.sh").write_text("#!/bin/sh\necho mine\nexec editor\n")
    assert update(tmp_path, recipe, files={"ides/1-editor/files/start.sh": "#!/bin/sh\nexec editor --new\n"}) == 1
    assert "how it was composed is not known here" in capsys.readouterr().err
    assert "echo mine\n" in (recipe / "start.sh").read_text()


def test_as_json(tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe / "start.sh").write_text("mine\n")
    capsys.readouterr()
    assert update(tmp_path, recipe, "--json", files={"ides/1-editor/files/start.sh": "new\n"}) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["tag"], report["folder"], report["conflicts"]) == (TAG, str(recipe), ["start.sh"])
    assert report["written"] is True


def test_the_folder_shows_how_it_would_change(tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe / "start.sh").write_text("mine\n")
    (recipe / "notes.txt").write_text("mine\n")
    before = files_below(recipe)
    arguments = ["--answers", str(recipe / "recipe.toml"), "--offline", "--out", str(recipe.parent), "--diff"]
    capsys.readouterr()
    for clean, notes in (([], False), (["--force", "--clean"], True)):
        assert main(["new", "--catalog", str(tmp_path / "catalogue"), *arguments, *clean]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert {"--- a/start.sh", "-mine", "+exec editor"} <= set(shown)
        assert ("--- a/notes.txt" in shown) is notes
    assert files_below(recipe) == before


def test_what_is_not_for_the_architecture_is_refused(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_below(recipe)
    assert update(tmp_path, recipe, "--architecture=aarch64") == 1
    assert "release 2026a is for x86_64 only, and not for aarch64" in capsys.readouterr().err
    # By itself it is this machine's.
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert update(tmp_path, recipe) == 1
    assert update(tmp_path, recipe, "--architecture=x86_64") == 0
    assert files_below(recipe) == before
