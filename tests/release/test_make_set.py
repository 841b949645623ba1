from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import Engine
from tests.release.sets import (
    BASE,
    CUDA,
    EDITOR,
    FILES,
    LAYER,
    RECIPE,
    RELEASE,
    RUNTIME,
    TAGS,
    build_set,
    forget,
    make_set,
)

BASE_FILE = "base/mini/Containerfile"


@pytest.fixture
def empty(engine: Engine) -> Iterator[Engine]:
    """The engine without an image of the set, before and after."""
    forget(engine)
    yield engine
    forget(engine)


def statuses(folder: Path, code: int = 0) -> dict[str, str]:
    """Run `images --json` and return what became of each image."""
    done = build_set(folder, "--json")
    assert done.returncode == code, done.stderr
    return {row["tag"]: row["status"] for row in json.loads(done.stdout)}


@pytest.mark.thorough
def test_the_set_is_built_in_order_and_goes_on_from_what_is_there(empty: Engine, tmp_path: Path) -> None:
    catalogue = make_set(tmp_path)
    done = build_set(tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["image", "status", "size", "time"]
    assert [(row[0], row[1], row[3], row[5]) for row in rows[1:]] == [(tag, "built", "MB", "s") for tag in TAGS]
    assert "5 of 5 images are up to date" in done.stderr
    assert empty("run", "--rm", f"localhost/workbench-images:{CUDA}", "cat", "/what") == "base\ncuda"
    assert f"localhost/workbench-images:{LAYER.replace('20261122', 'latest')}" in empty.names()
    assert statuses(tmp_path) == dict.fromkeys(TAGS, "up to date")
    # A layer is made of something else now: it, and what stands on it.
    (catalogue / "cuda-layer/base/Containerfile").write_text(
        FILES["cuda-layer/base/Containerfile"].replace("cuda", "more")
    )
    rest = dict.fromkeys((BASE, EDITOR, RUNTIME), "up to date")
    assert statuses(tmp_path) == {**rest, LAYER: "built", CUDA: "built"}
    # A folder that somebody changed is built again each time: its label cannot record how it was changed.
    with (tmp_path / "recipes" / EDITOR / "start.sh").open("a") as script:
        script.write("# mine\n")
    expected = {**dict.fromkeys(TAGS, "up to date"), EDITOR: "built"}
    assert [statuses(tmp_path), statuses(tmp_path)] == [expected, expected]


@pytest.mark.thorough
def test_one_failure_stops_what_stands_on_it_and_nothing_else(empty: Engine, tmp_path: Path) -> None:
    layer = FILES["cuda-layer/base/Containerfile"]
    catalogue = make_set(tmp_path, {"cuda-layer/base/Containerfile": f"{layer}RUN exit 7\n"})
    done = build_set(tmp_path)
    assert done.returncode == 1
    assert "3 of 5 images are up to date" in done.stderr
    assert (
        f"error: 2 of 5 images are not up to date\n  {LAYER}: failed: building {LAYER} failed with exit code 7"
        in done.stderr
    )
    assert f"  {CUDA}: not begun: {LAYER} failed\n" in done.stderr
    (catalogue / "cuda-layer/base/Containerfile").write_text(layer)
    rest = dict.fromkeys((BASE, EDITOR, RUNTIME), "up to date")
    assert statuses(tmp_path) == {**rest, LAYER: "built", CUDA: "built"}


def test_a_broken_base_stops_all(empty: Engine, tmp_path: Path) -> None:
    make_set(tmp_path, {BASE_FILE: "ARG ROOT_IMAGE\nFROM ${ROOT_IMAGE}\nRUN exit 9\n"})
    assert statuses(tmp_path, 1) == {**dict.fromkeys(TAGS, "not begun"), BASE: "failed"}
    assert not any("-mini-" in name for name in empty.names())


def test_recipes_that_were_not_composed_are_named_at_once(empty: Engine, tmp_path: Path) -> None:
    make_set(tmp_path)
    (tmp_path / "recipes" / EDITOR).rename(tmp_path / "elsewhere")
    done = build_set(tmp_path)
    assert done.returncode == 1
    assert "error: 1 recipes of the standard set are missing" in done.stderr
    assert f"{EDITOR}: is missing" in done.stderr
    assert " recipes --release 2026a --date 20261122`" in done.stderr


@pytest.mark.thorough
def test_bases_get_the_names_that_recipes_of_another_repository_call(empty: Engine, tmp_path: Path) -> None:
    release = f'repository = "registry.example.com/team/images"\n\n{RELEASE}{RECIPE.format("standard", "editor")}'
    make_set(tmp_path, {"releases/2026a.toml": release})
    assert statuses(tmp_path) == {BASE: "built", EDITOR: "built"}
    assert f"registry.example.com/team/images:{BASE}" in empty.names()


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_jobs_that_are_no_number(tmp_path: Path, jobs: str) -> None:
    assert build_set(tmp_path, f"--jobs={jobs}").returncode == 2
