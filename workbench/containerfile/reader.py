"""From the text of a Containerfile to its build plan: every instruction read as podman and BuildKit read it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.containerfile.build_plan import BuildPlan, PlannedStage
from workbench.containerfile.flags import check_buildable, check_directives, flags_of
from workbench.containerfile.instructions import DISPATCH, StageBuilder
from workbench.containerfile.parser import Instruction, declared, instructions
from workbench.containerfile.sections import Sections
from workbench.containerfile.sources import sources_of
from workbench.containerfile.stages import (
    ARCHITECTURE,
    Stage,
    at_line,
    check_qualified,
    is_own_platform,
    needed,
    stages_of,
)
from workbench.containerfile.words import expanded
from workbench.errors import WorkbenchError
from workbench.names import suggestion

# Returns the configuration of an image, as a registry has it.
Lookup = Callable[[str], Mapping[str, Any]]
_EMPTY: Mapping[str, Any] = {"architecture": ARCHITECTURE, "os": "linux"}


@dataclass(frozen=True, slots=True)
class Source:
    """A Containerfile to read: its text, what it is called in errors, and what its build is given.

    `exists` tells whether the folder beside it has a path, or anything that matches it; `arguments` are
    the build's; `variables` are those that every stage has as if it declared them, during the build
    only; `labels` are put on the last stage.
    """

    text: str
    name: str
    exists: Callable[[str], bool]
    arguments: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def read(source: Source, lookup: Lookup) -> BuildPlan:
    """Return what `source` amounts to; `lookup` is called for every image that it stands on, once.

    Raises WorkbenchError, with the line, for what is unknown, not supported or cannot be.
    """
    try:
        check_directives(source.text)
    except WorkbenchError as error:
        raise WorkbenchError(error.message, hint=error.hint, where=f"{source.name}:{error.where}") from None
    try:
        parsed = instructions(source.text)
    except WorkbenchError as error:
        raise WorkbenchError(error.message, hint=error.hint, where=f"{source.name}:{error.where or 1}") from None
    for item in parsed:
        with at_line(item.line, source.name):
            _check_supported(item)
    try:
        stages = stages_of(parsed, source.arguments)
    except WorkbenchError as error:
        raise WorkbenchError(error.message, hint=error.hint, where=f"{source.name}:{error.where}") from None
    built = needed(stages)
    plan = _planned(source, parsed, stages, lookup, built)
    # What an image has for those on top of it may take files of a stage that nothing else needs.
    return plan if built.issuperset(plan.needed()) else _planned(source, parsed, stages, lookup, range(len(stages)))


def _check_supported(item: Instruction) -> None:
    check_buildable(item)
    if item.word == "FROM":
        flags_of(item, ("platform",))
    if item.word == "ARG":
        flags_of(item, ())
    if item.word != "FROM" and item.word not in DISPATCH:
        raise WorkbenchError(
            f"{item.word or 'this'} is no instruction that is supported",
            hint=suggestion(item.word, [*DISPATCH, "FROM"]),
        )


def _planned(
    source: Source,
    parsed: Sequence[Instruction],
    stages: Sequence[Stage],
    lookup: Lookup,
    needed: Container[int],
) -> BuildPlan:
    """Return the plan. Of stages that are not `needed` only the text is read: their images may not exist."""
    sections = Sections(source.text)
    images: dict[str, Mapping[str, Any]] = {}
    built: list[PlannedStage] = []
    variables: list[Mapping[str, str]] = []
    used = set(declared(parsed[: parsed.index(stages[0].head)]))
    for stage in stages:
        is_built = stage.number in needed
        with at_line(stage.line, source.name):
            if is_built:
                _check_platform(stage)
            config = _config(stage, built, images, lookup) if is_built else _EMPTY
            builder = StageBuilder(
                stage,
                config,
                above=stages[: stage.number],
                inherited=variables[stage.base.stage] if stage.base.stage is not None else {},
                exists=source.exists if is_built else lambda path: True,
                section=sections.at,
            )
        builder.scope.assume(source.variables)
        with at_line(stage.line, source.name):
            _run_triggers(builder, stage)
        for item in stage.instructions:
            with at_line(item.line, source.name):
                try:
                    DISPATCH[item.word](builder, item)
                except WorkbenchError:
                    # Its image may have the variable; where files are from has none.
                    if is_built or "$" not in item.original:
                        raise
                    if item.word == "COPY":
                        sources_of(replace(item, args=()), builder.scope, builder.above)
        used |= builder.scope.used
        if stage is stages[-1]:
            for name, value in source.labels.items():
                builder.config.label(name, value)
        built.append(builder.built())
        variables.append(builder.scope.variables)
    return BuildPlan(tuple(built), tuple(name for name in source.arguments if name not in used))


def _check_platform(stage: Stage) -> None:
    """Raise WorkbenchError for a stage of another platform than this machine's."""
    named = flags_of(stage.head, ("platform",)).get("platform", [""])[0]
    wanted = expanded(named, stage.global_arguments, stage.head.escape)
    if named and not is_own_platform(wanted):
        raise WorkbenchError(
            f"FROM --platform={wanted} is not supported" if wanted else f"FROM --platform={named} names no platform",
            hint=f"images are built for the machine that builds them, linux/{ARCHITECTURE}",
        )


def _run_triggers(builder: StageBuilder, stage: Stage) -> None:
    """Take the instructions that the image below has for those on top of it; this one has them no more."""
    triggers, builder.config.triggers = builder.config.triggers, []
    for text in triggers:
        for item in instructions(text):
            if item.word not in DISPATCH:
                raise WorkbenchError(f"{stage.base.image} has ONBUILD {text}, which is not supported")
            DISPATCH[item.word](builder, replace(item, line=stage.line, end=stage.line))


def _config(
    stage: Stage, built: Sequence[PlannedStage], images: dict[str, Mapping[str, Any]], lookup: Lookup
) -> Mapping[str, Any]:
    """Return the configuration that a stage begins with: of the stage below it, of an image, or an empty one."""
    if stage.base.stage is not None:
        return built[stage.base.stage].config
    image = stage.base.image
    if not image:
        return _EMPTY
    check_qualified(image, f"FROM {stage.head.args[0]}")
    if image not in images:
        images[image] = lookup(image)
    return images[image]
