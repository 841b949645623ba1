"""Filling a prefix: the environments of the active generations, several at once, finished ones left as they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.cog import compare_latest
from workbench.monobase.environment import Claims, Marker, build, read_marker
from workbench.monobase.generation import Environment, Generation
from workbench.monobase.install import Workshop
from workbench.monobase.interpreters import Interpreter, NoInterpreter
from workbench.monobase.leases import prepare
from workbench.monobase.prefix import full_disk_told, point

BUILT, THERE, SKIPPED, FAILED = "built", "there already", "skipped", "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with one environment: `reason` says why it was skipped or failed."""

    generation: str
    environment: str
    status: str
    reason: str = ""
    seconds: float = 0.0


class Watcher(Protocol):
    """Is told what happens, from several threads: `begin` and `end` once for each environment."""

    def begin(self, generation: str, environment: str) -> None:
        """An environment is being made."""

    def end(self, outcome: Outcome) -> None:
        """It is made, or is not."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made: the generations, the Pythons that are here, and why an environment is left out.

    `unwanted` gives the reason, "" for one that is wanted; `without` the reason why a Python is not
    here, by version; with `skip_missing` such environments do not keep a generation from being ready.
    """

    generations: Sequence[Generation]
    pythons: Mapping[str, Interpreter]
    without: Mapping[str, str]
    unwanted: Callable[[Environment], str] = lambda _: ""
    skip_missing: bool = False


def fill(shop: Workshop, order: Order, watcher: Watcher, jobs: int) -> list[Outcome]:
    """Make what `order` asks for, the newest generation first; mark each generation that is ready, and move `latest`.

    An environment that fails keeps no other from being made. Raises WorkbenchError when a generation
    was built from other data (fault M2): none of it is touched then.
    """
    newest_first = sorted(order.generations, key=lambda generation: generation.id, reverse=True)
    for generation in newest_first:
        _refuse_another(shop, generation)
        prepare(shop.prefix, generation.name)
    claims, active = Claims(), [generation.name for generation in newest_first]
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(jobs) as threads:
        waiting = [
            (
                generation,
                [
                    threads.submit(_one, shop, order, generation, one, claims, watcher)
                    for one in generation.environments
                ],
            )
            for generation in newest_first
        ]
        try:
            for generation, futures in waiting:
                done = [future.result() for future in futures]
                outcomes += done
                # Before anybody can activate it: what contradicts the cogs must be known then.
                compare_latest(shop)
                _mark(shop, order, generation, done)
                move_latest(shop, active)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


def _one(
    shop: Workshop, order: Order, generation: Generation, environment: Environment, claims: Claims, watcher: Watcher
) -> Outcome:
    def outcome(status: str, reason: str = "") -> Outcome:
        ended = Outcome(generation.name, environment.name, status, reason, time.monotonic() - began)
        watcher.end(ended)
        return ended

    began = time.monotonic()
    watcher.begin(generation.name, environment.name)
    if reason := order.unwanted(environment):
        return outcome(SKIPPED, reason)
    if environment.python not in order.pythons:
        return outcome(SKIPPED if order.skip_missing else FAILED, order.without[environment.python])
    target = os.path.join(shop.prefix.generation(generation.name), environment.name)
    before = read_marker(target)
    try:
        with full_disk_told(target):
            after = build(shop, target, str(environment.requirements), order.pythons[environment.python], claims)
    except WorkbenchError as error:
        return outcome(FAILED, f"{error.message} ({error.hint})" if error.hint else error.message)
    return outcome(THERE if before == after else BUILT)


def _refuse_another(shop: Workshop, generation: Generation) -> None:
    folder = shop.prefix.generation(generation.name)
    done = layout.read_done(folder)
    if done is not None and done.digest != generation.digest:
        raise WorkbenchError(
            f"{generation.name} was built as {done.digest}, and is {generation.digest} now",
            where=folder,
            hint="a generation never changes: undo that, or remove it here with `monobase prune`",
        )


def _mark(shop: Workshop, order: Order, generation: Generation, outcomes: Sequence[Outcome]) -> None:
    """Mark a generation of which everything that is wanted is there; what another build made of it counts too."""
    if any(outcome.status == FAILED for outcome in outcomes):
        return
    folder = shop.prefix.generation(generation.name)
    found: dict[str, Marker | None] = {
        environment.name: read_marker(os.path.join(folder, environment.name)) for environment in generation.environments
    }
    there = {name: marker.digest for name, marker in found.items() if marker is not None}
    if there:
        skipped = {outcome.environment: outcome.reason for outcome in outcomes if outcome.environment not in there}
        marker = layout.GenerationMarker(generation.digest, there, skipped)
        if layout.read_done(folder) != marker:
            layout.write_done(folder, marker)


def move_latest(shop: Workshop, active: Sequence[str]) -> None:
    """Let `latest` point at the newest of the `active` generations that is ready.

    When none is, it stays as it is, unless it points at nothing (fault M9): then at the newest that is
    ready, or it goes.
    """
    prefix = shop.prefix
    ready = [place.name for place in layout.generations(prefix) if layout.read_done(place.folder) is not None]
    chosen = max((name for name in ready if name in active), default=None)
    if chosen is None and layout.latest_name(prefix.latest) is None:
        chosen = max(ready, default=None)
        if chosen is None and os.path.islink(prefix.latest):
            os.unlink(prefix.latest)
    if chosen is not None and layout.latest_name(prefix.latest) != chosen:
        point(prefix.latest, chosen)


def interpreters_for(
    generations: Sequence[Generation], find: Callable[[str], Interpreter], fetch: Callable[[str], Interpreter] | None
) -> tuple[dict[str, Interpreter], dict[str, str]]:
    """Return the Pythons of the generations that are here, and why the others are not, by version.

    `fetch` gets one of a full version that is not here; without it nothing is fetched.
    """
    found: dict[str, Interpreter] = {}
    without: dict[str, str] = {}
    full = {one.python: one.full for generation in generations for one in generation.environments}
    for minor in sorted(full):
        try:
            found[minor] = find(minor)
        except NoInterpreter as missing:
            try:
                if fetch is None:
                    raise
                found[minor] = fetch(full[minor])
            except WorkbenchError as error:
                without[minor] = f"{missing.message} ({error.hint})" if error is missing else error.message
    return found, without
