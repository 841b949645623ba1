"""Which image a model is built on, from a store made up here; tests/e2e/test_model.py has real images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.labels import MODEL_LABEL
from workbench.images.store import ImageInfo
from workbench.models.base import BaseSelection, choose_base
from workbench.models.model import ModelBase, Resolved
from workbench.podman import Completed
from workbench.tag import TAG_LABEL

REPOSITORY = "localhost/workbench-images"
BASE = f"{REPOSITORY}:base-bookworm-py311_2026a_20261122"
SELECTION = BaseSelection("2026a", "bookworm", "20261122")
LOCK = Resolved("3.11", "", "", "0.16.9", {}, {"numpy": "2.1.0", "pillow": "11.0", "click": "8.1"}, "sha256:0")


@dataclass
class Images:
    """A store of images, each with its Python packages."""

    name = "a test"
    found: dict[str, tuple[ImageInfo, dict[str, str]]] = field(default_factory=dict)

    def add(self, image: str, packages: dict[str, str], *, below: str = "base", **labels: str) -> str:
        image_labels = {TAG_LABEL: image.rpartition(":")[2]} | labels
        inspected = ImageInfo(
            f"sha256:{len(self.found)}", "", 1, (below, str(len(self.found))), {"Labels": image_labels}, ""
        )
        self.found[image] = inspected, packages
        return image

    def inspect(self, image: str) -> ImageInfo | None:
        return self.found[image][0] if image in self.found else None

    def labelled(self, label: str) -> Mapping[str, str]:
        return {
            image: inspected.labels[label] for image, (inspected, _) in self.found.items() if label in inspected.labels
        }

    def run(
        self, image: str, command: Sequence[str], *, user: str, environment: Mapping[str, str], seconds: float
    ) -> Completed:
        _, packages = self.found[image]
        python = [{"name": name, "version": version, "licence": ""} for name, version in packages.items()]
        return Completed(0, json.dumps({"python": python, "extensions": [], "os": {}, "release": {}}), "")

    def push(self, image: str, target: str, compression: str = "") -> Completed:
        raise AssertionError("nothing is pushed")

    def versions(self) -> Mapping[str, str]:
        raise AssertionError("never called")


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Images:
    """A store with the base alone."""
    monkeypatch.setattr(podman, "is_installed", lambda: False)
    made = Images()
    made.found[BASE] = ImageInfo("sha256:base", "", 1, ("base",), {}, ""), {}
    return made


def runtime(bundle: str) -> str:
    return f"{REPOSITORY}:runtime-{bundle}-bookworm-py311_2026a_20261122"


def chosen(images: Images, *requirements: str) -> ModelBase:
    return choose_base(SELECTION, "standard", LOCK, requirements, store=images)


def test_without_images_it_is_the_base(images: Images) -> None:
    assert chosen(images, "numpy") == ModelBase(
        BASE, "sha256:base", "the base: no image of ours here has what the model requires"
    )


def test_the_one_with_the_fewest_packages_of_those_that_fit(images: Images) -> None:
    images.add(runtime("large"), {"numpy": "2.1.0", "click": "8.1", "rich": "14", "tqdm": "4"})
    small = images.add(runtime("small"), {"numpy": "2.1", "rich": "14"})
    base = chosen(images, "numpy")
    assert (base.image, base.installed) == (small, {"numpy": "2.1.0"})
    assert base.reason == "it has numpy as locked (1 of the lock's 3 packages)"


def test_the_nearest_that_does_not_fit_is_reported(images: Images) -> None:
    images.add(runtime("none"), {"rich": "14"})
    near = images.add(runtime("near"), {"numpy": "2.1.0", "pillow": "11.0", "click": "7"})
    images.add(runtime("old"), {"numpy": "2.0", "pillow": "11.0"})
    base = chosen(images, "numpy", "pillow")
    assert (base.image, base.reason) == (BASE, f"the base: {near} is nearest, but it has click 7")
    assert chosen(images, "numpy", "pillow", "click").reason.endswith(" is nearest, but it has no click as locked")


@pytest.mark.parametrize(
    ("image", "below", "labels"),
    [
        pytest.param(runtime("minimal"), "another", {}, id="another-base"),
        pytest.param(f"{REPOSITORY}:jupyter-minimal-bookworm-py311_2026a_20261122", "base", {}, id="with-an-ide"),
        pytest.param(runtime("minimal"), "base", {MODEL_LABEL: "{}"}, id="a-model"),
        pytest.param("localhost/mine:1", "base", {TAG_LABEL: "runtime-minimal"}, id="built-on-ours"),
    ],
)
def test_what_is_no_base_for_a_model(images: Images, image: str, below: str, labels: dict[str, str]) -> None:
    images.add(image, dict(LOCK.packages), below=below, **labels)
    assert chosen(images, "numpy").image == BASE


def test_a_model_without_packages_is_based_on_the_base(images: Images) -> None:
    images.add(runtime("minimal"), {})
    assert chosen(images).image == BASE


def test_without_a_base_the_hint_is_how_to_make_it(images: Images) -> None:
    del images.found[BASE]
    with pytest.raises(WorkbenchError, match=r"the base image .* is not on this machine") as error:
        chosen(images, "numpy")
    assert " base --os " in (error.value.hint or "")
