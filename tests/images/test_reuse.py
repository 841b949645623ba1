from __future__ import annotations

from collections.abc import Mapping

import pytest

from workbench.catalog.questions import Selection
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.images.podman.store import PodmanStore
from workbench.images.reuse import siblings
from workbench.images.store import ImageInfo
from workbench.recipes.read import RecipeManifest
from workbench.tag import TAG_LABEL

TAG = "jupyter-torch-bookworm-py311_2026a_20261122"
# Of a day of its own: none of the images below has its name.
RECIPE = RecipeManifest(
    TAG.replace("20261122", "20261130"),
    "",
    Selection("2026a", "20261130", "standard", "bookworm", "3.11", "torch", "jupyter"),
    {},
    {},
)


class Labelled(PodmanStore):
    """A store of images that have a tag's label."""

    def __init__(self, images: Mapping[str, str]) -> None:
        self.images = images

    def inspect(self, image: str) -> ImageInfo | None:
        tag = self.images.get(image)
        return None if tag is None else ImageInfo("sha256:1", "", 1, (), {"Labels": {TAG_LABEL: tag}}, "")

    def labelled(self, label: str) -> Mapping[str, str]:
        assert label == TAG_LABEL
        return self.images


def found(*tags: str) -> list[str]:
    names = siblings(Labelled({f"{LOCAL_REPOSITORY}:{tag}": tag for tag in tags}), RECIPE)
    return [name.removeprefix(f"{LOCAL_REPOSITORY}:") for name in names]


def test_another_ide_another_day_and_cuda_are_the_same_bundle() -> None:
    tags = [TAG, TAG.replace("jupyter", "cuda-vscode"), TAG.replace("20261122", "20261123")]
    assert found(*tags) == [tags[2], tags[0], tags[1]]


def test_the_recipe_s_own_name_is_enough() -> None:
    class Unlisted(Labelled):
        def labelled(self, label: str) -> Mapping[str, str]:
            raise AssertionError("images were listed")

    own = f"{LOCAL_REPOSITORY}:{RECIPE.tag}"
    assert siblings(Unlisted({own: RECIPE.tag}), RECIPE) == [own]


def test_an_image_of_that_name_that_is_of_another_recipe_is_none() -> None:
    assert siblings(Labelled({f"{LOCAL_REPOSITORY}:{RECIPE.tag}": TAG}), RECIPE) == []


def test_the_youngest_four_are_enough() -> None:
    assert found(*(TAG.replace("20261122", f"2026112{day}") for day in range(6))) == [
        TAG.replace("20261122", f"2026112{day}") for day in (5, 4, 3, 2)
    ]


@pytest.mark.parametrize(
    "tag",
    [
        TAG.replace("torch", "tensor"),
        TAG.replace("bookworm", "c9s"),
        TAG.replace("py311", "py312"),
        TAG.replace("2026a", "2026b"),
        "base-bookworm-py311_2026a_20261122",
    ],
)
def test_what_is_another_bundle_system_python_or_release_is_none(tag: str) -> None:
    assert found(tag) == []


@pytest.mark.parametrize(
    "name", [f"registry.example.com/team/images:{TAG}", f"localhost/other:{TAG}", f"{LOCAL_REPOSITORY}:mine"]
)
def test_a_name_that_we_did_not_give_is_none(name: str) -> None:
    assert siblings(Labelled({name: TAG}), RECIPE) == []
