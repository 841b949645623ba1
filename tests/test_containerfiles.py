"""The Containerfiles that no recipe shows: bases and CUDA layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.reader import read_catalogue
from workbench.containerfile.parser import instructions
from workbench.recipes.lint import lint

FILES = sorted(
    path
    for folder in ("base", "cuda-layer", "monobase", "service")
    for path in (REPOSITORY / folder).rglob("Containerfile*")
)


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_every_layer_is_for_both_families() -> None:
    layers = [path for path in FILES if path.is_relative_to(REPOSITORY / "cuda-layer")]
    assert sorted({path.suffix for path in layers}) == [".debian", ".rhel"]
    assert len(layers) == 2 * 5


@pytest.mark.parametrize("path", FILES, ids=name)
def test_hadolint_finds_nothing(path: Path) -> None:
    assert lint(read_catalogue(str(REPOSITORY)), path.read_text()) == []


# The service is root on the host already, by podman's socket: what it does there needs root in its image too.
@pytest.mark.parametrize("path", [path for path in FILES if "service" not in path.parts], ids=name)
def test_it_ends_as_every_image_does(path: Path) -> None:
    last = {item.word: item.args for item in instructions(path.read_text())}
    assert last["USER"] == ("1001",)
    assert last["WORKDIR"] == ("/opt/app-root/src",)
