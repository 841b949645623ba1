from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.images.trees import BOOKWORM
from workbench.images.probe.base import Base, inspect_base
from workbench.images.probe.cache import remembered

IMAGE = "localhost/b:1"


def config(*layers: str, **variables: str) -> dict[str, Any]:
    environment = [f"{name}={value}" for name, value in variables.items()]
    return {"config": {"Env": environment}, "rootfs": {"type": "layers", "diff_ids": list(layers)}}


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, Any]], tuple[Base, bool]]:
    """Asks about an image in a cache of the test's own, and says whether it was looked at."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def asked(told: dict[str, Any]) -> tuple[Base, bool]:
        looks: list[Base] = []

        def seen() -> Base:
            looks.append(inspect_base(IMAGE, BOOKWORM, told))
            return looks[0]

        return remembered(IMAGE, told, seen), bool(looks)

    return asked


def test_a_base_is_looked_at_once(ask: Callable[[dict[str, Any]], tuple[Base, bool]]) -> None:
    told = config("sha256:a", "sha256:b", CUDA_VERSION="13.0.2")
    first, looked = ask(told)
    again, looked_again = ask(told)
    assert (again, looked, looked_again) == (first, True, False)
    assert again.packages and again.chosen and again.cuda == "13.0.2"


@pytest.mark.parametrize(
    "other",
    [config("sha256:a"), config("sha256:b", "sha256:a"), config("sha256:a", "sha256:b", CUDA_VERSION="12.9")],
    ids=["fewer", "order", "variable"],
)
def test_another_base_is_looked_at(ask: Callable[[dict[str, Any]], tuple[Base, bool]], other: dict[str, Any]) -> None:
    ask(config("sha256:a", "sha256:b"))
    assert ask(other)[1]


def test_one_without_layers_is_looked_at_each_time(ask: Callable[[dict[str, Any]], tuple[Base, bool]]) -> None:
    assert [ask({})[1], ask(config())[1], ask({})[1]] == [True, True, True]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"packages": []}'])
def test_a_damaged_memory_is_none(
    ask: Callable[[dict[str, Any]], tuple[Base, bool]], tmp_path: Path, text: str
) -> None:
    first, _ = ask(config("sha256:a"))
    (file,) = tmp_path.rglob("*.json")
    file.write_text(text)
    assert ask(config("sha256:a")) == (first, True)
    assert ask(config("sha256:a")) == (first, False)


def test_a_cache_that_cannot_be_written_is_done_without(
    ask: Callable[[dict[str, Any]], tuple[Base, bool]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [ask(config("sha256:a"))[1], ask(config("sha256:a"))[1]] == [True, True]
