"""The plan: what a workbench stands on, and what of it is to be made. It looks through `Look` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.catalog.cuda_layers import LAYERS
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.images.base import root_name
from workbench.images.base_chain import OwnBase, command_to_make, own_base
from workbench.images.cuda.layers import layer_image
from workbench.launch.expected import Expected, duration, expected, size

ROOT, BASE, CUDA, RECIPE, IMAGE, WORKBENCH = "root image", "base image", "CUDA layer", "recipe", "image", "workbench"
# How a step is done; a step that is done already is EXISTS.
EXISTS, PULL, PACKAGES, BUILD, WRITE, START = (
    *("exists", "will be pulled", "will be made from packages", "will be built", "will be written", "will be started"),
)
RUNS = "runs"
# What takes no time that anybody would wish to be asked about.
_QUICK = (RECIPE, WORKBENCH)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the plan: its kind, the name of what it makes, its state, and what it takes where that is known.

    `layer` is the CUDA layer that a step of that kind builds.
    """

    kind: str
    name: str
    state: str
    expected: Expected | None = None
    layer: str = ""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return self.state in (EXISTS, RUNS)

    def as_data(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        known = {"seconds": self.expected.seconds, "bytes": self.expected.bytes} if self.expected else None
        return {"step": self.kind, "name": self.name, "state": self.state, "expected": known}


@dataclass(frozen=True, slots=True)
class RootChoice:
    """Where a system's root image can come from: the name that the release pins, and whether a script makes it."""

    pinned: str
    has_script: bool


class Look(Protocol):
    """Looks for images: in podman's store, and in the registry that a name names."""

    def here(self, image: str) -> bool:
        """Return whether podman has the image."""

    def in_registry(self, image: str) -> str:
        """Return "" when the image's registry has it, else why it cannot be pulled."""


def base_steps(image: str, roots: RootChoice, look: Look) -> list[Step]:
    """Return the steps from the root image to the base `image` that a recipe names, the lowest first.

    They begin above the first thing that is there. Raises WorkbenchError when the image is neither here nor in its
    registry, and none that can be made here.
    """
    if look.here(image):
        return [Step(BASE, image, EXISTS)]
    own = own_base(image)
    if not image.startswith("localhost/"):
        if reason := look.in_registry(image):
            raise WorkbenchError(
                f"the base image {image} is not on this machine and cannot be pulled: {reason}",
                hint=f"compose the recipe on another base, or on the release's own: `{here('up --help')}`",
            )
        return [Step(BASE, image, PULL)]
    if own is None:
        raise WorkbenchError(
            f"the base image {image} is not on this machine, and no command of ours makes it",
            hint="make it with podman, or compose the recipe on another base",
        )
    return _chain(image, own, roots, look)


def _chain(image: str, own: OwnBase, roots: RootChoice, look: Look) -> list[Step]:
    steps: list[Step] = []
    layer, name = own.layer, image
    while not look.here(name):
        kind = CUDA if layer else BASE
        steps.insert(0, Step(kind, name, BUILD, expected(kind, layer, own.os), layer))
        if not layer:
            return [_root(own, roots, look, command_to_make(image)), *steps]
        layer = LAYERS[layer]
        name = layer_image(layer, own.release, own.os, own.python, own.date)
    return [Step(CUDA if layer else BASE, name, EXISTS, layer=layer), *steps]


def _root(own: OwnBase, roots: RootChoice, look: Look, by_hand: str) -> Step:
    name = root_name(own.os)
    for there in (name, roots.pinned):
        if look.here(there):
            return Step(ROOT, there, EXISTS)
    reason = look.in_registry(roots.pinned)
    if not reason:
        return Step(ROOT, roots.pinned, PULL, expected(ROOT, "pulled", own.os))
    if roots.has_script:
        return Step(ROOT, name, PACKAGES, expected(ROOT, "packages", own.os))
    raise WorkbenchError(
        f"the root image {roots.pinned} cannot be pulled: {reason}",
        hint=f"{own.os} has no script that makes it from packages; once the registry responds, {by_hand} or this",
    )


def needs_consent(steps: Sequence[Step]) -> bool:
    """Return whether something takes time or room: starting what exists does not."""
    return any(not step.is_done and step.kind not in _QUICK for step in steps)


def total_text(steps: Sequence[Step]) -> str:
    """Return what the steps take together, as a sentence without its full stop, as far as it was measured."""
    todo = [step for step in steps if not step.is_done and step.kind not in _QUICK]
    known = [step.expected for step in todo if step.expected]
    if not known:
        return "how long it takes was not measured"
    about = "about" if len(known) == len(todo) else "at least"
    together = f"{duration(sum(one.seconds for one in known))} and {size(sum(one.bytes for one in known))} of disk"
    return f"{about} {together}"
