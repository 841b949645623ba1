"""How podman differs from what is expected of it, and from one version to the next: all of it is in this file.

What it prints is read here, and what it lacks is made up for. `podman build` is what podman 4 and 5 do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from workbench.containerfile.parser import instructions
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
    "Missing ':' in substitution": "this podman knows no ${NAME%pattern}, ${NAME#pattern} or ${NAME/pattern/word}: "
    "build with --backend buildkit",
}
# Where a word of FROM, or a flag of another instruction, names a stage.
_STAGE = re.compile(r"(?:^(?!-)|(?<=from=))[A-Za-z][A-Za-z0-9_.-]*(?=,|$)")


def step_title(line: str) -> str:
    """Return the instruction of the step that begins with a line of output, "" for any other line."""
    match = _STEP.fullmatch(line)
    return " ".join(match["title"].split()) if match else ""


def step_count(text: str, labels: int) -> int:
    """Return how many steps podman counts, over all stages: instructions from the first FROM on, and `labels` more."""
    return sum(_stages(text)) + labels


def expected_label_steps(labels: int, version: Sequence[int]) -> int:
    """Return how many steps podman makes of that many `--label`s, before a line of output shows it.

    Seen with podman 4.3.1, which makes a step of each, and with 5.4.2, which makes one of them all.
    """
    return min(labels, 1) if tuple(version) >= (5,) else labels


def label_steps(line: str, text: str) -> int | None:
    """Return how many steps podman makes of all `--label`s, as a line of output shows it, None when it does not.

    They are the last ones of the last stage.
    """
    match = _STEP.fullmatch(line)
    if match is None or match["stage"] != match["stages"]:
        return None
    steps = int(match["count"]) - (_stages(text) or [0])[-1]
    return steps if steps >= 0 else None


def _stages(text: str) -> list[int]:
    """Return how many instructions each stage has."""
    counts: list[int] = []
    for item in instructions(text):
        if item.word == "FROM":
            counts.append(0)
        if counts:
            counts[-1] += 1
    return counts


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
