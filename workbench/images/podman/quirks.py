"""How podman differs from what is expected of it, and from one version to the next: all of it is in this file.

What it prints is read here, and what it lacks is made up for. `podman build` is what podman 4 and 5 do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from workbench.containerfile.parser import instructions
from workbench.containerfile.stages import Stage, origin_of
from workbench.errors import WorkbenchError
from workbench.podman import Completed

# `STEP 4/17: RUN …`, with `[2/3] ` in front when there is more than one stage: it counts each stage from 1.
_STEP = re.compile(r"(?:\[(?P<stage>\d+)/(?P<stages>\d+)\] )?STEP (?P<number>\d+)/(?P<count>\d+): (?P<title>.*)")
# Instructions that the OCI image format has no place for, and that podman drops from an image of that format.
_DOCKER_ONLY = {"HEALTHCHECK", "ONBUILD", "SHELL"}
# podman up to 4 refuses to show the manifest of a single OCI image, after it has read it.
_NOT_A_LIST = "Treating single images as manifest lists is not implemented"
_ABSENT = ("manifest unknown", "name unknown", "repository name not known", "not found", "StatusCode: 404")
_REFUSED = ("unauthorized", "denied", "authentication required", "StatusCode: 401", "StatusCode: 403")
# Parts of messages that the user can do something about, and what.
_HINTS = {
    "Missing ':' in substitution": "this podman knows no ${NAME-word}, ${NAME%pattern} and the like: "
    "build with --backend buildkit",
}
# What a flag of an instruction says that it takes files from.
_FROM = re.compile(r"(?:^--|[=,])from=([^,]+)")
# Where a word of FROM, or a flag of another instruction, names a stage.
_STAGE = re.compile(r"(?:^(?!-)|(?<=from=))[A-Za-z][A-Za-z0-9_.-]*(?=,|$)")


@dataclass(frozen=True, slots=True)
class StepLine:
    """A line of output with which a step begins: its stage (from 1), how many steps that has, its instruction."""

    stage: int
    count: int
    title: str


def step_line(line: str) -> StepLine | None:
    """Return what a line of output says of the step that begins with it, None for any other line."""
    match = _STEP.fullmatch(line)
    return StepLine(int(match["stage"] or 1), int(match["count"]), " ".join(match["title"].split())) if match else None


def step_counts(stages: Sequence[Stage], labels: int, version: Sequence[int]) -> dict[int, int]:
    """Return how many steps podman is going to make, by stage from 1; `labels` more come last in the last stage.

    Seen with podman 4.3.1, which makes a step of each label and builds every stage, and with 5.4.2, which makes one
    step of all labels and leaves out stages that nothing uses. Of others their own output shows it.
    """
    new = tuple(version) >= (5,)
    built = _used(stages) if new else range(len(stages))
    counts = {stage.number + 1: 1 + len(stage.instructions) for stage in stages if stage.number in built}
    counts[len(stages)] += min(labels, 1) if new else labels
    return counts


def _used(stages: Sequence[Stage]) -> set[int]:
    """Return the numbers, from 0, of the last stage and of all that it needs."""
    used = {len(stages) - 1}
    for stage in reversed(stages):
        if stage.number not in used:
            continue
        names = [match[1] for item in stage.instructions for flag in item.flags for match in _FROM.finditer(flag)]
        found = [stage.base.stage]
        for name in names:
            with suppress(WorkbenchError):
                found.append(origin_of(name, stages[: stage.number]).stage)
        used.update(number for number in found if number is not None)
    return used


def image_format(text: str) -> Literal["docker", "oci"]:
    """Return the format in which podman keeps all that a Containerfile says."""
    return "docker" if any(item.word in _DOCKER_ONLY for item in instructions(text)) else "oci"


def with_exact_stage_names(text: str) -> str:
    """Return a Containerfile with the names of its stages in small letters throughout: podman 4 minds the case."""
    parsed, lines = instructions(text), text.splitlines(keepends=True)
    names = {item.args[2].lower() for item in parsed if item.word == "FROM" and len(item.args) == 3}
    ends = [*(item.line - 1 for item in parsed[1:]), len(lines)]
    for item, end in zip(parsed, ends, strict=True):
        words = [item.args[0], item.args[-1]] if item.word == "FROM" and item.args else item.flags
        for word in words:
            exact = _STAGE.sub(lambda match: match[0].lower() if match[0].lower() in names else match[0], word)
            if exact != word:
                part = lines[item.line - 1 : end]
                lines[item.line - 1 : end] = [re.sub(rf"(?<!\S){re.escape(word)}(?!\S)", exact, line) for line in part]
    return "".join(lines)


def registry_reply(completed: Completed) -> Literal["present", "absent", "refused", "unreachable"]:
    """Return what a registry replied, by how `podman manifest inspect` of an image in it ended."""
    complaint = completed.reason
    if completed.code == 0 or _NOT_A_LIST in complaint:
        return "present"
    if any(sign in complaint for sign in _REFUSED):
        return "refused"
    return "absent" if any(sign in complaint for sign in _ABSENT) else "unreachable"


def hint(line: str) -> str:
    """Return what to do about a line of output, "" for most."""
    return next((text for sign, text in _HINTS.items() if sign in line), "")
