"""What a base has installed: lists of packages that need not be installed again."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement

from workbench.containerfile.build_plan import BuildPlan, BuildStep, Copy, Run
from workbench.containerfile.sources import pattern
from workbench.images.buildkit.graph.downloads import Word, simple_commands
from workbench.images.probe.base import BaseInfo
from workbench.images.validate import APP_ROOT
from workbench.packages import normalized_name, requirement_lines

# Lists the names in a folder of the base.
Names = Callable[[str], list[str]]
_HASH = re.compile(r"\s--hash=\S+")
# Commands that change nothing where all packages are installed: those that install, and what may stand beside them.
_INSTALLS = {
    "pip": re.compile(
        r"(?:(?P<uv>uv) )?pip install(?: --no-cache-dir| --no-cache| --compile-bytecode| --require-hashes"
        r"| --index-strategy=\S+| --build-constraints /\S+)*"
        r" (?:-r|--requirement) (?P<list>/\S+)"
    ),
    "dpkg": re.compile(
        r"(?:DEBIAN_FRONTEND=noninteractive )?xargs -a (?P<list>/\S+) apt-get install(?: -y| --no-install-recommends)*"
    ),
}
_IDLE = {
    "pip": re.compile(r"umask [0-7]{3,4}"),
    "dpkg": re.compile(r"apt-get (?:update|clean)"),
}
# Variables that make pip or uv install into another place or look at one, or change what is installed already.
_ELSEWHERE = (
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_UPGRADE", "PIP_IGNORE_INSTALLED", "PYTHONPATH"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON"),
)
_REMOVES = re.compile(r"rm(?: -f| -rf| -r)?(?P<paths>(?: /\S+)+)")


@dataclass(frozen=True, slots=True)
class Install:
    """A step that installs a list of packages and does nothing else: how, from which list, what it removes besides.

    `program` is what installs: uv installs what is pip's to list.
    """

    kind: str
    list: str
    removes: tuple[str, ...]
    program: str


def without_installed(plan: BuildPlan, base: BaseInfo, folder: str, names: Names) -> tuple[BuildPlan, list[str]]:
    """Return the plan without the lists that `base`, which the last stage stands on, has entirely, and why.

    A list is left out where installing it would change nothing: every pin is installed at its version
    (of Python), or every package was chosen before (of the operating system); nothing that came before
    could have changed that; and what the step would remove besides does not exist. `names` looks into
    the base.
    """
    stage = plan.stages[-1]
    if stage.base.image != base.image:
        return plan, []
    steps, notes = list(stage.steps), []
    settled = {"pip": True, "dpkg": True}
    for step in stage.steps:
        if not isinstance(step, Run):
            # Files that are copied to where packages are may be packages.
            continue
        install = install_of(step)
        if install is None:
            break
        copied = _copied(steps, step, install.list)
        if (
            copied is None
            or not settled[install.kind]
            or not (
                _has_all(base, install, folder, copied)
                and (install.kind != "pip" or _is_ours(step, install.program, names))
            )
        ):
            settled["pip"] = settled["pip"] and install.kind != "pip"
            continue
        if left := [path for path in install.removes if _exists(path, names)]:
            notes.append(f"{copied.paths[0][1:]} is installed again: it also removes {', '.join(left)}")
            continue
        steps = [one for one in steps if one is not step and one is not copied]
        notes.append(f"{copied.paths[0][1:]} is not installed again: {base.image} has all of it")
    stages = (*plan.stages[:-1], replace(stage, steps=tuple(steps)))
    return replace(plan, stages=stages), notes


def install_of(step: Run) -> Install | None:
    """Return what a step installs, None when it does anything else too."""
    if len(step.arguments) != 3 or step.arguments[1] != "-c" or step.mounts:
        return None
    command = step.arguments[2]
    if re.search(r"[^\w\s/.=:*&+-]", command) or re.search(r"(?<!&)&(?!&)", command):
        return None  # only plain words, one command after the other
    calls = [_plain(words) for words in simple_commands(command)]
    for kind, installs in _INSTALLS.items():
        found = [match for call in calls if (match := installs.fullmatch(call))]
        if len(found) == 1:
            rest = [call for call in calls if not installs.fullmatch(call) and not _IDLE[kind].fullmatch(call)]
            removed = [match for call in rest if (match := _REMOVES.fullmatch(call))]
            paths = [path for match in removed for path in match["paths"].split()]
            if len(removed) == len(rest) and found[0]["list"] in paths:
                removes = tuple(path for path in paths if path != found[0]["list"])
                return Install(kind, found[0]["list"], removes, "uv" if found[0].groupdict().get("uv") else kind)
    return None


def _plain(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)


def _copied(steps: Sequence[BuildStep], run: Run, target: str) -> Copy | None:
    """Return the step before `run` that copied its list, and nothing else, from the recipe's folder."""
    for step in steps[: steps.index(run)][::-1]:
        if isinstance(step, Copy) and step.origin.is_context and len(step.paths) == 1 and step.target == target:
            return step
    return None


def _has_all(base: BaseInfo, install: Install, folder: str, copied: Copy) -> bool:
    try:
        with open(os.path.join(folder, copied.paths[0].lstrip("/")), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    if install.kind == "dpkg":
        packages = text.split()
        return bool(packages) and all(package in base.chosen for package in packages)
    return _has_pins(base, text)


def _is_ours(step: Run, program: str, names: Names) -> bool:
    """Return whether the step's program (pip or uv) is the one of /opt/app-root, and installs there."""
    environment = dict(step.environment)
    if any(environment.get(name) for name in _ELSEWHERE):
        return False
    # pip installs where it is, uv into this environment.
    if program == "uv" and environment.get("VIRTUAL_ENV") != APP_ROOT:
        return False
    found = (folder for folder in environment.get("PATH", "").split(":") if program in names(folder))
    return next(found, "") == f"{APP_ROOT}/bin"


def _has_pins(base: BaseInfo, text: str) -> bool:
    """Return whether every line of a requirements file is a pin, and each pin that counts here is in the base."""
    found = 0
    for _, line in requirement_lines(text):
        if line.startswith(("-i ", "--index-url", "--extra-index-url", "--trusted-host", "--require-hashes")):
            continue
        try:
            requirement = Requirement(_HASH.sub("", line))
        except InvalidRequirement:
            return False
        pins = [specifier for specifier in requirement.specifier if specifier.operator == "=="]
        if requirement.url or len(pins) != 1 or len(requirement.specifier) != 1:
            return False
        here = {"python_version": base.python, "python_full_version": f"{base.python}.0", "extra": ""}
        if requirement.marker is not None and not requirement.marker.evaluate(here):
            continue
        if not requirement.specifier.contains(
            base.packages.get(normalized_name(requirement.name), "0.dev0"), prereleases=True
        ):
            return False
        found += 1
    return found > 0


def _exists(path: str, names: Names) -> bool:
    """Return whether the base has what `path` matches; a * is understood in its last part."""
    folder, name = posixpath.split(path)
    if "*" in folder:
        return True
    matches = pattern(name).fullmatch
    return any(matches(one) for one in names(folder))
