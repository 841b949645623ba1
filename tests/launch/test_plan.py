from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.launch.plan import (
    BASE,
    BUILD,
    CUDA,
    EXISTS,
    IMAGE,
    PACKAGES,
    PULL,
    RECIPE,
    ROOT,
    START,
    WORKBENCH,
    WRITE,
    RootChoice,
    Step,
    base_steps,
    needs_consent,
    total_text,
)

REPOSITORY = "localhost/workbench-images"
OWN_ROOT, PINNED = f"{REPOSITORY}:os-bookworm", "docker.io/library/debian:bookworm-slim"
STANDARD = f"{REPOSITORY}:base-bookworm-py311_2026a_20261122"
CUDNN = f"{REPOSITORY}:cuda-bookworm-py311-runtime-cudnn_2026a_20261122"
RUNTIME, THIN = (f"{REPOSITORY}:cuda-bookworm-py311-{layer}_2026a_20261122" for layer in ("runtime", "base"))
ROOTS = RootChoice(PINNED, has_script=True)


class Having:
    """Looks, and finds what it was given: here, and in registries."""

    def __init__(self, *here: str, registries: tuple[str, ...] = ()) -> None:
        self._here, self._registries = here, registries
        self.queried: list[str] = []

    def here(self, image: str) -> bool:
        return image in self._here

    def in_registry(self, image: str) -> str:
        self.queried.append(image)
        return "" if image in self._registries else "the registry does not respond"


def made(steps: list[Step]) -> list[tuple[str, str, str]]:
    return [(step.kind, step.name, step.state) for step in steps]


def test_from_nothing_it_begins_with_the_root_image() -> None:
    assert made(base_steps(STANDARD, ROOTS, Having())) == [(ROOT, OWN_ROOT, PACKAGES), (BASE, STANDARD, BUILD)]


def test_a_registry_that_has_the_root_image_comes_before_the_packages() -> None:
    steps = base_steps(STANDARD, ROOTS, Having(registries=(PINNED,)))
    assert made(steps) == [(ROOT, PINNED, PULL), (BASE, STANDARD, BUILD)]


@pytest.mark.parametrize("root", [OWN_ROOT, PINNED])
def test_a_root_image_that_is_here_is_taken_and_no_registry_queried(root: str) -> None:
    look = Having(root)
    assert made(base_steps(STANDARD, ROOTS, look)) == [(ROOT, root, EXISTS), (BASE, STANDARD, BUILD)]
    assert look.queried == []


def test_a_chain_begins_above_what_is_here() -> None:
    assert made(base_steps(CUDNN, ROOTS, Having(THIN))) == [
        (CUDA, THIN, EXISTS),
        (CUDA, RUNTIME, BUILD),
        (CUDA, CUDNN, BUILD),
    ]
    assert made(base_steps(CUDNN, ROOTS, Having(CUDNN))) == [(BASE, CUDNN, EXISTS)]


def test_the_whole_cuda_chain() -> None:
    steps = base_steps(CUDNN, ROOTS, Having())
    assert [step.name for step in steps] == [OWN_ROOT, STANDARD, THIN, RUNTIME, CUDNN]
    assert [step.layer for step in steps] == ["", "", "base", "runtime", "runtime-cudnn"]


def test_a_base_in_a_registry_is_pulled() -> None:
    image = "quay.io/team/images:base-bookworm-py311_2026a_20261122"
    assert made(base_steps(image, ROOTS, Having(registries=(image,)))) == [(BASE, image, PULL)]


@pytest.mark.parametrize(
    ("image", "roots", "message"),
    [
        (STANDARD, RootChoice(PINNED, has_script=False), f"the root image {PINNED} cannot be pulled: the registry"),
        ("quay.io/team/mine:1", ROOTS, "quay.io/team/mine:1 is not on this machine and cannot be pulled: the registry"),
        ("localhost/mine:1", ROOTS, "localhost/mine:1 is not on this machine, and no command of ours makes it"),
    ],
)
def test_what_can_be_had_in_no_way(image: str, roots: RootChoice, message: str) -> None:
    with pytest.raises(WorkbenchError) as error:
        base_steps(image, roots, Having())
    assert message in error.value.message
    assert error.value.hint


def test_quick_steps_need_no_consent() -> None:
    quick = [Step(BASE, STANDARD, EXISTS), Step(RECIPE, "recipes/x", WRITE), Step(WORKBENCH, "x", START)]
    assert not needs_consent(quick)
    assert needs_consent([*quick, Step(IMAGE, "x", BUILD)])


def test_the_total_says_what_it_does_not_know() -> None:
    known = base_steps(STANDARD, ROOTS, Having())
    assert total_text(known).startswith("about ")
    assert total_text([*known, Step(IMAGE, "x", BUILD)]).startswith("at least ")
    assert total_text([Step(IMAGE, "x", BUILD)]) == "how long it takes was not measured"
