"""Filling a prefix: the environments of the active generations, several at once, finished ones left as they are."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.cog import compare_latest
from workbench.monobase.environment import Claims, EnvironmentMarker, build, read_marker
from workbench.monobase.generation import Environment, Generation
from workbench.monobase.install import Toolchain
from workbench.monobase.interpreters import Interpreter, InterpreterMissingError
from workbench.monobase.leases import prepare
from workbench.monobase.node import install_scripts
from workbench.monobase.prefix import point, reporting_full_disk, set_aside

BUILT, UP_TO_DATE, SKIPPED, FAILED = "built", "up to date", "skipped", "failed"
# Declared by the generation, and in nobody's reach when it was resolved: nothing to build.
UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True)
class EnvironmentOutcome:
    """What became of one environment: `reason` says why it was skipped or failed."""

    generation: str
    environment: str
    status: str
    reason: str = ""
    seconds: float = 0.0


class FillWatcher(Protocol):
    """Receives events, from several threads: `begin` and `end` once for each environment."""

    def begin(self, generation: str, environment: str) -> None:
        """An environment is being made."""

    def end(self, outcome: EnvironmentOutcome) -> None:
        """It is made, or is not."""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """What to make: the generations, the Pythons of this machine, and which environments are excluded.

    `excluded` gives the reason, "" for an environment to make; `missing` the reason why a Python is not
    available, by version; with `skip_missing` its environments do not keep a generation from being ready.
    """

    generations: Sequence[Generation]
    pythons: Mapping[str, Interpreter]
    missing: Mapping[str, str]
    excluded: Callable[[Environment], str] = lambda _: ""
    skip_missing: bool = False


def fill(tools: Toolchain, request: FillRequest, watcher: FillWatcher, jobs: int) -> list[EnvironmentOutcome]:
    """Make the environments of `request`, the newest generation first; mark those that are ready, and move `latest`.

    An environment that fails keeps no other from being made. Raises WorkbenchError when a generation
    was built from other data (fault M2): none of it is touched then.
    """
    install_scripts(tools.prefix)
    newest_first = sorted(request.generations, key=lambda generation: generation.id, reverse=True)
    for generation in newest_first:
        _check_unchanged(tools, generation)
        prepare(tools.prefix, generation.name)
    claims, active = Claims(), [generation.name for generation in newest_first]
    outcomes: list[EnvironmentOutcome] = []
    with ThreadPoolExecutor(jobs) as threads:
        waiting = [
            (
                generation,
                [
                    threads.submit(_one, tools, request, generation, one, claims, watcher)
                    for one in generation.environments
                ],
            )
            for generation in newest_first
        ]
        try:
            for generation, futures in waiting:
                done = [future.result() for future in futures]
                done += [
                    EnvironmentOutcome(generation.name, one.name, UNLOCKED, one.reason)
                    for one in generation.unlocked_here
                ]
                outcomes += done
                # Before anything can activate it: its conflicts with the cogs must be known then.
                compare_latest(tools)
                _mark(tools, request, generation, done)
                move_latest(tools, active)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


def _one(
    tools: Toolchain,
    request: FillRequest,
    generation: Generation,
    environment: Environment,
    claims: Claims,
    watcher: FillWatcher,
) -> EnvironmentOutcome:
    def outcome(status: str, reason: str = "") -> EnvironmentOutcome:
        ended = EnvironmentOutcome(generation.name, environment.name, status, reason, time.monotonic() - began)
        watcher.end(ended)
        return ended

    # Of hundreds most may be excluded: that is in the report, and no event.
    if reason := request.excluded(environment):
        return EnvironmentOutcome(generation.name, environment.name, SKIPPED, reason)
    began = time.monotonic()
    watcher.begin(generation.name, environment.name)
    if environment.python not in request.pythons:
        return outcome(SKIPPED if request.skip_missing else FAILED, request.missing[environment.python])
    target = os.path.join(tools.prefix.generation(generation.name), environment.name)
    before = read_marker(target)
    try:
        with reporting_full_disk(target):
            after = build(tools, target, str(environment.requirements), request.pythons[environment.python], claims)
    except WorkbenchError as error:
        return outcome(FAILED, f"{error.message} ({error.hint})" if error.hint else error.message)
    return outcome(UP_TO_DATE if before == after else BUILT)


def _check_unchanged(tools: Toolchain, generation: Generation) -> None:
    folder = tools.prefix.generation(generation.name)
    done = layout.read_done(folder)
    if done is not None and done.digest != generation.digest:
        raise WorkbenchError(
            f"{generation.name} was built as {done.digest}, and is {generation.digest} now",
            where=folder,
            hint=f"a generation never changes: undo that, or remove it here with "
            f"`{here(f'monobase prune --prefix {shlex.quote(tools.prefix.root)} --gen-id {generation.id} --grace 0')}`",
        )


def _mark(
    tools: Toolchain, request: FillRequest, generation: Generation, outcomes: Sequence[EnvironmentOutcome]
) -> None:
    """Mark a generation whose requested environments all exist; those of another build count too."""
    if any(outcome.status == FAILED for outcome in outcomes):
        return
    folder = tools.prefix.generation(generation.name)
    found: dict[str, EnvironmentMarker | None] = {
        environment.name: read_marker(os.path.join(folder, environment.name)) for environment in generation.environments
    }
    finished = {name: marker.digest for name, marker in found.items() if marker is not None}
    if finished:
        skipped = {outcome.environment: outcome.reason for outcome in outcomes if outcome.status == SKIPPED}
        skipped = {name: reason for name, reason in skipped.items() if name not in finished}
        made = {marker.python.minor: marker.python.version for marker in found.values() if marker is not None}
        pythons = {minor: (version, generation.pythons.get(minor, version)) for minor, version in made.items()}
        marker = layout.GenerationMarker(generation.digest, finished, skipped, pythons)
        if layout.read_done(folder) != marker:
            layout.write_done(folder, marker)


def move_latest(tools: Toolchain, active: Sequence[str]) -> None:
    """Let `latest` point at the newest of the `active` generations that is ready, or at the one that is pinned.

    When none is, it stays as it is, unless it points at nothing (fault M9): then at the newest that is
    ready, or it is removed.
    """
    prefix = tools.prefix
    ready = [folder.name for folder in layout.generations(prefix) if layout.read_done(folder.path) is not None]
    chosen = layout.pinned_name(prefix) or max((name for name in ready if name in active), default=None)
    if chosen is None and layout.latest_name(prefix.latest) is None:
        chosen = max(ready, default=None)
        if chosen is None and os.path.lexists(prefix.latest):
            set_aside(prefix, prefix.latest)
    if chosen is not None and layout.latest_name(prefix.latest) != chosen:
        point(prefix.latest, chosen)


def interpreters_for(
    generations: Sequence[Generation],
    find: Callable[[str], Interpreter],
    fetch: Callable[[str], Interpreter] | None,
    excluded: Callable[[Environment], str] = lambda _: "",
) -> tuple[dict[str, Interpreter], dict[str, str]]:
    """Return the Pythons of the generations that are available, and why the others are not, by version.

    `fetch` gets a missing one by its full version; None fetches nothing, nor is what only `excluded` environments need.
    """
    found: dict[str, Interpreter] = {}
    missing: dict[str, str] = {}
    every = [one for generation in generations for one in generation.environments]
    full = {one.python: one.full for one in every}
    needed = {one.python for one in every if not excluded(one)}
    for minor in sorted(full):
        try:
            found[minor] = find(minor)
        except InterpreterMissingError as not_found:
            try:
                if fetch is None or minor not in needed:
                    raise
                found[minor] = fetch(full[minor])
            except WorkbenchError as error:
                missing[minor] = f"{not_found.message} ({error.hint})" if error is not_found else error.message
    return found, missing
