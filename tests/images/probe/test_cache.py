from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.images.trees import BOOKWORM
from workbench.images.probe.base import BaseInfo, inspect_base
from workbench.images.probe.cache import remembered

IMAGE = "localhost/b:1"


def config(*layers: str, **variables: str) -> dict[str, Any]:
    environment = [f"{name}={value}" for name, value in variables.items()]
    return {"config": {"Env": environment}, "rootfs": {"type": "layers", "diff_ids": list(layers)}}


@pytest.fixture
def look_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, Any]], tuple[BaseInfo, bool]]:
    """Looks an image up in a cache of the test's own; returns it, and whether it was inspected for that."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def looked_up(image_config: dict[str, Any]) -> tuple[BaseInfo, bool]:
        inspected: list[BaseInfo] = []

        def inspect() -> BaseInfo:
            inspected.append(inspect_base(IMAGE, BOOKWORM, image_config))
            return inspected[0]

        return remembered(IMAGE, image_config, inspect), bool(inspected)

    return looked_up


def test_a_base_is_inspected_once(look_up: Callable[[dict[str, Any]], tuple[BaseInfo, bool]]) -> None:
    image_config = config("sha256:a", "sha256:b", CUDA_VERSION="13.0.2")
    first, inspected = look_up(image_config)
    again, inspected_again = look_up(image_config)
    assert (again, inspected, inspected_again) == (first, True, False)
    assert again.packages and again.chosen and again.cuda == "13.0.2"


@pytest.mark.parametrize(
    "other",
    [config("sha256:a"), config("sha256:b", "sha256:a"), config("sha256:a", "sha256:b", CUDA_VERSION="12.9")],
    ids=["fewer", "order", "variable"],
)
def test_another_base_is_inspected(
    look_up: Callable[[dict[str, Any]], tuple[BaseInfo, bool]], other: dict[str, Any]
) -> None:
    look_up(config("sha256:a", "sha256:b"))
    assert look_up(other)[1]


def test_one_without_layers_is_inspected_each_time(look_up: Callable[[dict[str, Any]], tuple[BaseInfo, bool]]) -> None:
    assert [look_up({})[1], look_up(config())[1], look_up({})[1]] == [True, True, True]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"packages": []}'])
def test_a_damaged_memory_is_none(
    look_up: Callable[[dict[str, Any]], tuple[BaseInfo, bool]], tmp_path: Path, text: str
) -> None:
    first, _ = look_up(config("sha256:a"))
    (file,) = tmp_path.rglob("*.json")
    file.write_text(text)
    assert look_up(config("sha256:a")) == (first, True)
    assert look_up(config("sha256:a")) == (first, False)


def test_a_cache_that_cannot_be_written_is_done_without(
    look_up: Callable[[dict[str, Any]], tuple[BaseInfo, bool]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [look_up(config("sha256:a"))[1], look_up(config("sha256:a"))[1]] == [True, True]
