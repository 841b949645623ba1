"""Doing the steps of a plan, in order. What is done stays done: the same command goes on after a failure."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workbench import podman
from workbench.attest.records import keep_records
from workbench.catalog.values import Catalogue
from workbench.errors import WorkbenchError
from workbench.images.base import base_request
from workbench.images.base_chain import OwnBase, own_base
from workbench.images.builder import Builder
from workbench.images.cuda.layers import layer_requests
from workbench.images.labels import SOURCE_LABEL
from workbench.images.os_image import make_os_image
from workbench.images.progress import DEFAULT_LOGS
from workbench.images.recipe_request import recipe_request
from workbench.images.request import BuildRequest
from workbench.images.run_build import run_build
from workbench.launch.machine import Target
from workbench.launch.plan import BASE, CUDA, IMAGE, PACKAGES, PULL, RECIPE, ROOT, WORKBENCH, Step
from workbench.launch.running import RunOptions, Started, run_image
from workbench.recipes.composed import remember
from workbench.recipes.write import write


@dataclass(frozen=True, slots=True)
class Making:
    """How the steps are done: the folder of recipes, that of logs, what podman build is passed, and where progress
    goes.
    """

    out: str
    force: bool = False
    logs: str = DEFAULT_LOGS
    options: tuple[str, ...] = ()
    ca_bundle: str = ""
    quiet: bool = False
    builder: Builder | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a plan: the open workbench, None where the image serves nothing, and each step's seconds."""

    started: Started | None
    seconds: tuple[tuple[Step, float], ...] = ()
    notes: tuple[str, ...] = field(default=())


def do_steps(steps: Sequence[Step], target: Target, catalogue: Catalogue, making: Making, run: RunOptions) -> Done:
    """Do the steps that are not done and return the open workbench.

    Raises WorkbenchError of the first that fails; those before it stay. KeyboardInterrupt passes through.
    """
    work = _Work(target, catalogue, making, root=next((step.name for step in steps if step.kind == ROOT), ""))
    began: list[tuple[Step, float]] = []
    started = None
    for number, step in enumerate(steps, 1):
        if step.kind != WORKBENCH and step.is_done:
            continue
        if not making.quiet:
            print(f"[{number}/{len(steps)}] {step.kind} {step.name}", file=sys.stderr, flush=True)
        now = time.monotonic()
        if step.kind == WORKBENCH:
            started = run_image(target.image, step.name, run)
        else:
            work.do(step)
        began.append((step, time.monotonic() - now))
    return Done(started, tuple(began), tuple(work.notes))


class _Work:
    """Does single steps."""

    def __init__(self, target: Target, catalogue: Catalogue, making: Making, root: str) -> None:
        self.notes: list[str] = []
        self._target, self._catalogue, self._making, self._root = target, catalogue, making, root
        self._by_kind: dict[str, Callable[[Step], None]] = {
            ROOT: self._make_root,
            BASE: self._build_base,
            CUDA: self._build_layer,
            RECIPE: self._write,
            IMAGE: self._build_image,
        }

    def do(self, step: Step) -> None:
        """Do one step; raises WorkbenchError when it fails."""
        if step.state == PULL:
            _pull(step.name)
        else:
            self._by_kind[step.kind](step)

    def _make_root(self, step: Step) -> None:
        if step.state != PACKAGES:
            raise AssertionError(step)
        make_os_image(self._catalogue, self._target.selection.os, self._show)

    def _build_base(self, step: Step) -> None:
        own = _own(step)
        request = base_request(
            self._catalogue,
            own.release,
            own.os,
            own.python,
            own.date,
            root=self._root,
            options=self._making.options,
            ca_bundle=self._making.ca_bundle,
        )
        self._build(request)

    def _build_layer(self, step: Step) -> None:
        own = _own(step)
        requests = layer_requests(
            self._catalogue,
            own.release,
            own.os,
            own.python,
            own.date,
            (step.layer,),
            options=self._making.options,
            ca_bundle=self._making.ca_bundle,
        )
        self._build(requests[step.layer])

    def _write(self, step: Step) -> None:
        assert self._target.recipe is not None
        write(self._target.recipe, self._making.out, force=self._making.force)
        remember(self._target.recipe.files.values())

    def _build_image(self, step: Step) -> None:
        request = recipe_request(self._target.folder, options=self._making.options, ca_bundle=self._making.ca_bundle)
        self._build(request)

    def _build(self, request: BuildRequest) -> None:
        making = self._making
        finished = run_build(request, logs=making.logs, quiet=making.quiet, builder=making.builder)
        if request.folder == self._target.folder:
            missing = keep_records(request.folder, finished, request.labels[SOURCE_LABEL])
            self.notes += [missing] if missing else []

    def _show(self, line: str) -> None:
        if not self._making.quiet:
            print(f"  {line}", file=sys.stderr, flush=True)


def _own(step: Step) -> OwnBase:
    own = own_base(step.name)
    assert own is not None, step
    return own


def _pull(image: str) -> None:
    done = podman.run("pull", "--quiet", image)
    if done.code != 0:
        raise WorkbenchError(
            f"{image} cannot be pulled: {done.reason}", hint="the same command tries it again, and goes on"
        )
