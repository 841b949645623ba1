"""The names of a workbench: its own, and those of its container and its volume."""

from __future__ import annotations

import re

from workbench.errors import UsageError

# What podman calls the container and the volume of a workbench.
PREFIX = "workbench-"
# Names of containers and volumes in podman (libpod/define: [a-zA-Z0-9][a-zA-Z0-9_.-]*).
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")


def workbench_name(tag: str) -> str:
    """Return the name of the workbench of a recipe's tag: without its date, so that a rebuild finds the same files."""
    return tag.rpartition("_")[0] or tag


def check_workbench_name(text: str) -> str:
    """Return `text`, without the prefix of containers, when it may name a workbench; raises UsageError otherwise."""
    name = text.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        raise UsageError(f"{text!r} cannot name a workbench", hint="use letters, digits, dots, hyphens and underscores")
    return name


def container_name(name: str) -> str:
    """Return the name of a workbench's container; its volume has the same."""
    return f"{PREFIX}{name}"
