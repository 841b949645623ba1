from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.release.sets import BASE, CUDA, EDITOR, END, LAYER, RUNTIME, SET, make_set
from workbench.containerfile.stages import bases
from workbench.images.request import BuildRequest


def bake(folder: Path, *flags: str) -> dict[str, dict[str, dict[str, object]]]:
    """Export the set below `folder` into its own docker-bake.json, and return it."""
    file = folder / "docker-bake.json"
    where = ["--recipes", folder / "recipes", "--repo=quay.io/team/images", "--out", file]
    done = wizard("export", "--catalog", folder / "catalogue", "bake", *SET, *where, *flags)
    assert (done.returncode, done.stdout) == (0, f"{file}\n"), done.stderr
    found = json.loads(file.read_text())
    assert isinstance(found, dict)
    return found


def test_the_graph_of_the_set(tmp_path: Path) -> None:
    make_set(tmp_path)
    found = bake(tmp_path)
    assert found["group"] == {"default": {"targets": [EDITOR, RUNTIME, CUDA]}}
    local = "localhost/workbench-images"
    assert {name: target.get("contexts") for name, target in found["target"].items()} == {
        BASE: None,
        LAYER: {f"{local}:{BASE}": f"target:{BASE}"},
        EDITOR: {f"{local}:{BASE}": f"target:{BASE}"},
        RUNTIME: {f"{local}:{BASE}": f"target:{BASE}"},
        CUDA: {f"{local}:{LAYER}": f"target:{LAYER}"},
    }
    assert {name: (target["context"], target["tags"]) for name, target in found["target"].items()} == {
        BASE: ("catalogue/base/mini", [f"quay.io/team/images:{BASE}"]),
        LAYER: ("catalogue/cuda-layer", [f"quay.io/team/images:{LAYER}"]),
        EDITOR: (f"recipes/{EDITOR}", [f"quay.io/team/images:{EDITOR}"]),
        RUNTIME: (f"recipes/{RUNTIME}", [f"quay.io/team/images:{RUNTIME}"]),
        CUDA: (f"recipes/{CUDA}", [f"quay.io/team/images:{CUDA}"]),
    }
    assert found["target"][BASE]["args"]["ROOT_IMAGE"] == "localhost/tiny:1"  # type: ignore[index]
    assert bake(tmp_path) == found


@pytest.mark.parametrize("release", ["2026a"])
def test_every_base_of_our_own_set_is_a_target_or_the_root(tmp_path: Path, release: str) -> None:
    folder = tmp_path / "recipes"
    assert wizard("recipes", f"--release={release}", "--date=20261122", "--out", folder, "--no-lint").returncode == 0
    flags = [f"--release={release}", "--date=20261122", "--recipes", str(folder)]
    done = wizard("export", "bake", *flags, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    targets = json.loads(done.stdout)["target"]
    for name, target in targets.items():
        context = REPOSITORY / target["context"]
        text = target.get("dockerfile-inline") or (context / target["dockerfile"]).read_text()
        named = bases(BuildRequest(("x",), str(context), text, arguments=target.get("args", {})).stages())
        inside = set(target.get("contexts", {}))
        outside = set(named) - inside
        assert outside == ({"docker.io/library/debian:bookworm-slim"} if name.startswith("base-") else set())
        assert {at.removeprefix("target:") for at in target.get("contexts", {}).values()} <= set(targets)
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert f"base-bookworm-py311_{END}" in targets


def test_without_recipes_it_names_the_command_that_makes_them(tmp_path: Path) -> None:
    done = wizard("export", "bake", *SET, "--recipes", tmp_path / "none")
    assert done.returncode == 1
    assert " recipes --release 2026a --date 20261122`" in done.stderr
