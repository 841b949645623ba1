from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.trees import BOOKWORM
from workbench.catalog.questions import Selection
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.images.probe.base import BaseInfo, inspect_base
from workbench.images.probe.fit import check_fit, known_system, manifest_of
from workbench.recipes.read import RecipeManifest

CUDA = {"config": {"Env": ["CUDA_VERSION=13.0.2"]}}
NAME = "localhost/workbench-images:base-bookworm-py311_2026a_20261122"
PLAIN, WITH_CUDA = inspect_base(NAME, BOOKWORM, {}), inspect_base(NAME, BOOKWORM, CUDA)


def recipe(base: str = "standard", os: str = "bookworm", python: str = "3.11") -> RecipeManifest:
    selection = Selection("2026a", "20261122", base, os, python, "minimal", "jupyter")
    return RecipeManifest("a-tag", NAME, selection, {}, {})


@pytest.mark.parametrize(
    ("manifest", "base"),
    [
        (recipe(), PLAIN),
        (recipe("cuda"), WITH_CUDA),
        (recipe("cuda-thin"), WITH_CUDA),
        (recipe(os="of-another-catalogue"), PLAIN),
        (recipe("cuda", os="c9s"), BaseInfo(NAME)),
    ],
    ids=["plain", "cuda", "thin", "unknown system", "says nothing"],
)
def test_a_base_that_fits(manifest: RecipeManifest, base: BaseInfo) -> None:
    check_fit(manifest, base)


@pytest.mark.parametrize(
    ("manifest", "base", "message"),
    [
        (recipe(os="c9s"), PLAIN, "it is Debian 12, and not c9s"),
        (recipe(python="3.12"), PLAIN, "its Python is 3.11, and not 3.12"),
        (recipe("cuda"), PLAIN, "it has no CUDA (no CUDA_VERSION in its environment)"),
        (recipe(), WITH_CUDA, "it has CUDA 13.0.2, of which the tag says nothing"),
        (
            recipe("cuda", os="c9s", python="3.12"),
            PLAIN,
            "it is Debian 12, and not c9s; its Python is 3.11, and not 3.12; "
            "it has no CUDA (no CUDA_VERSION in its environment)",
        ),
    ],
)
def test_a_base_that_does_not_fit_is_refused(manifest: RecipeManifest, base: BaseInfo, message: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        check_fit(manifest, base)
    assert raised.value.message == f"the base {NAME} does not fit the tag a-tag: {message}"
    assert raised.value.hint == (
        "compose the recipe on another base, or make this one again with "
        f"`{here('base --os bookworm --python 3.11 --release 2026a --date 20261122')}` "
        f"(where no registry responds, `{here('os-image --os bookworm')}` first)"
    )


def test_every_system_of_the_catalogue_names_its_family() -> None:
    assert known_system("bookworm") == {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    assert known_system("c9s") == {"ID": "centos", "VERSION_ID": "9"}
    assert (known_system("none"), known_system("../x")) == ({}, {})


def test_a_folder_that_is_no_recipe_promises_nothing(tmp_path: Path) -> None:
    assert manifest_of(str(tmp_path)) is None
