from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue, selection
from tests.chance import chance
from tests.command import files_below, killed_after, next_estimate
from workbench.catalog.reader import read_catalogue
from workbench.compose.recipe import Recipe
from workbench.compose.resolve import resolve
from workbench.compose.stitch import compose
from workbench.errors import FaultsError, WorkbenchError
from workbench.recipes.write import write

TAG = "editor-plain-c9s-py311_2026a_20261122"


def recipe_of(tmp_path: Path, files: dict[str, str | None] | None = None, **answers: str) -> Recipe:
    return compose(resolve(read_catalogue(str(make_catalogue(tmp_path, files))), selection(**answers)))


def test_a_recipe_is_written_then_identical(tmp_path: Path) -> None:
    recipe, out = recipe_of(tmp_path), tmp_path / "out"
    first = write(recipe, str(out))
    assert first.folder == str(out / TAG)
    assert set(first.files.values()) == {"create"}
    assert files_below(out / TAG) == {path: file.data for path, file in recipe.files.items()}
    assert os.listdir(out) == [TAG]
    assert set(write(recipe, str(out)).files.values()) == {"identical"}


def test_modes_do_not_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        folder = Path(write(recipe_of(tmp_path), str(tmp_path / "out")).folder)
    finally:
        os.umask(old)
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert modes == {
        "Containerfile": 0o644,
        "recipe.toml": 0o644,
        "requirements.txt": 0o644,
        "requirements-editor.txt": 0o644,
        "start.sh": 0o755,
    }
    assert folder.stat().st_mode & 0o777 == 0o755


def test_another_selection_is_never_written_over(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(recipe_of(tmp_path, base="cuda"), str(out))
    before = files_below(out)
    with pytest.raises(FaultsError, match="was made from another selection") as caught:
        write(recipe_of(tmp_path, base="cuda-devel"), str(out))
    assert (str(out / f"cuda-{TAG}/recipe.toml"), "base was 'cuda', now 'cuda-devel'") in caught.value.faults
    assert files_below(out) == before
    write(recipe_of(tmp_path, base="cuda-devel"), str(out), force=True)
    assert b"devel-cudnn" in files_below(out)[f"cuda-{TAG}/Containerfile"]
    assert os.listdir(out) == [f"cuda-{TAG}"]


def test_what_was_changed_by_hand_is_kept(tmp_path: Path) -> None:
    out, recipe = tmp_path / "out", recipe_of(tmp_path)
    folder = Path(write(recipe, str(out)).folder)
    (folder / "start.sh").write_text("mine\n")
    (folder / "notes.txt").write_text("mine too\n")
    (folder / "requirements.txt").unlink()
    with pytest.raises(FaultsError, match="was changed since it was made") as caught:
        write(recipe, str(out))
    assert caught.value.faults == [
        (str(folder / "requirements.txt"), "is missing there"),
        (str(folder / "start.sh"), "differs"),
    ]
    assert (folder / "start.sh").read_text() == "mine\n"
    assert "Your own files stay" in caught.value.hint
    written = write(recipe, str(out), force=True)
    composed = {path: file.data for path, file in recipe.files.items()}
    assert files_below(folder) == {**composed, "notes.txt": b"mine too\n"}
    assert [path for path, what in written.files.items() if what == "keep"] == ["notes.txt"]
    # It changes nothing of the recipe.
    assert set(write(recipe, str(out)).files.values()) == {"identical", "keep"}
    (folder / "start.sh").unlink()
    assert write(recipe, str(out), force=True, clean=True).files["notes.txt"] == "delete"
    assert files_below(folder) == composed


def test_files_of_an_earlier_recipe_go_and_links_and_folders_of_the_user_stay(tmp_path: Path) -> None:
    earlier = recipe_of(tmp_path, {"ides/1-editor/files/old/a.txt": "a\n", "ides/1-editor/files/new": None})
    out = tmp_path / "out"
    folder = Path(write(earlier, str(out)).folder)
    (folder / "mine/deep").mkdir(parents=True)
    (folder / "mine/deep/run.sh").write_text("#!/bin/sh\n")
    (folder / "mine/deep/run.sh").chmod(0o700)
    (folder / "data").symlink_to("/nowhere")
    recipe = recipe_of(tmp_path, {"ides/1-editor/files/old": None, "ides/1-editor/files/start.sh": "other\n"})
    files = write(recipe, str(out), force=True).files
    assert {path: what for path, what in files.items() if what in ("keep", "delete")} == {
        "data": "keep",
        "mine/deep/run.sh": "keep",
        "old/a.txt": "delete",
    }
    assert os.readlink(folder / "data") == "/nowhere"
    assert (folder / "mine/deep/run.sh").stat().st_mode & 0o777 == 0o700
    assert not (folder / "old").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "out" / TAG
    other.mkdir(parents=True)
    (other / "thesis.tex").write_text("years of work")
    with pytest.raises(FaultsError, match="exists and is no recipe of ours"):
        write(recipe_of(tmp_path), str(tmp_path / "out"))
    assert files_below(other) == {"thesis.tex": b"years of work"}


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KiB, mounted for the time of one test."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: a small file system cannot be mounted")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    big = recipe_of(tmp_path, {"ides/1-editor/files/big.bin": "x" * 200_000})
    small = recipe_of(tmp_path)
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(WorkbenchError, match="cannot be written: No space left on device") as caught:
            write(big, str(disk))
        assert caught.value.exit_code == 1
        assert os.listdir(disk) == []
        write(small, str(disk))
        with pytest.raises(WorkbenchError, match="No space left"):
            write(big, str(disk), force=True)
        assert os.listdir(disk) == [TAG]
        assert files_below(disk / TAG) == {path: file.data for path, file in small.files.items()}


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        write(recipe_of(tmp_path), str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "a file"


def test_kill_at_random_moments_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """kill -9 while one recipe replaces another, over and over: never a mix, and the next run cleans up."""
    more = {f"ides/1-editor/files/deep/{number}/file.txt": f"{number}\n" * 2000 for number in range(60)}
    folder = make_catalogue(tmp_path, more)
    out = tmp_path / "out"
    recipes = [compose(resolve(read_catalogue(str(folder)), selection(base=base))) for base in ("cuda", "cuda-devel")]
    whole = [{path: file.data for path, file in recipe.files.items()} for recipe in recipes]
    write(recipes[0], str(out))
    command = [sys.executable, "wizard.py", "new", "--catalog", str(folder), "--offline", "--no-lint", "--force"]
    command += ["--out", str(out), "--answers"]
    answers = []
    for number, recipe in enumerate(recipes):
        answers.append(tmp_path / f"{number}.toml")
        answers[-1].write_bytes(recipe.files["recipe.toml"].data)
    # How long a whole run takes here tells when to strike: from its start to just after its end.
    begin = time.monotonic()
    for number in (1, 0):
        subprocess.run([*command, str(answers[number])], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)
    whole_run = (time.monotonic() - begin) / 2
    states: set[int] = set()
    moments, killed = chance(), 0
    # Until both have been met, and 10 times at least: an unlucky run goes on.
    for number in range(60):
        if number >= 10 and killed > 3 and states == {0, 1}:
            break
        took = killed_after(moments.uniform(0.3, 1.3) * whole_run, [*command, str(answers[number % 2])])
        killed += took is None
        whole_run = next_estimate(whole_run, took)
        found = files_below(out / f"cuda-{TAG}")
        assert found in whole
        states.add(whole.index(found))
    assert killed > 3, "no run was killed in its work: the test shows nothing"
    assert states == {0, 1}
    write(recipes[1], str(out), force=True)
    write(recipes[0], str(out), force=True)
    assert os.listdir(out) == [f"cuda-{TAG}"]


def test_without_an_exchanging_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot swap two folders gets two renames instead."""

    def refused(new: str, old: str) -> None:
        raise OSError(22, "Invalid argument", old)

    monkeypatch.setattr("workbench.files._renameat2", refused)
    out = tmp_path / "out"
    write(recipe_of(tmp_path, base="cuda"), str(out))
    written = write(recipe_of(tmp_path, base="cuda-devel"), str(out), force=True)
    assert b"devel-cudnn" in Path(written.folder, "Containerfile").read_bytes()
    assert os.listdir(out) == [f"cuda-{TAG}"]


def test_many_at_once_in_one_folder(tmp_path: Path) -> None:
    """Runs that share an output folder do not take each other's staging away."""
    folder, out = make_catalogue(tmp_path), tmp_path / "out"
    command = [
        sys.executable,
        "wizard.py",
        "new",
        "--catalog",
        str(folder),
        "--defaults",
        "--offline",
        "--out",
        str(out),
    ]
    days = [f"202611{day:02d}" for day in range(1, 25)]
    runs = [subprocess.Popen([*command, "--date", day], cwd=REPOSITORY, stdout=subprocess.DEVNULL) for day in days]
    assert [run.wait() for run in runs] == [0] * len(days)
    assert sorted(os.listdir(out)) == [f"editor-plain-c9s-py311_2026a_{day}" for day in days]
