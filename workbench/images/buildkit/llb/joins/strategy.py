"""The strategies of joining branches, and which one a daemon allows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from workbench.images.buildkit.llb import capabilities as caps


class JoinKind(StrEnum):
    """The ways in which branches become one tree."""

    MERGE = "merge"  # the daemon's own MergeOp of the branches' DiffOps: nothing is copied
    GENERAL = "general"  # one step compares the trees and copies what differs
    REPLAY = "replay"  # the steps of each branch are done on what came of the one before: nothing runs side by side


@dataclass(frozen=True, slots=True)
class JoinStrategy:
    """A strategy of joining; `content_cache` is whether the daemon can skip reading trees before a step."""

    kind: JoinKind
    content_cache: bool = False


MERGE = JoinStrategy(JoinKind.MERGE)
GENERAL = JoinStrategy(JoinKind.GENERAL)
REPLAY = JoinStrategy(JoinKind.REPLAY)


def choose(capabilities: Collection[str], *, shell: bool = True) -> tuple[JoinStrategy, str]:
    """Return the strategy for a daemon with these (enabled) capabilities, and a sentence for the log that says why.

    `shell`: whether the base has a shell, and with it a Python or coreutils, findutils, awk and GNU tar, or busybox.
    """
    content_cache = caps.MOUNT_CONTENT_CACHE in capabilities
    missing = [name for name in (caps.MERGE, caps.DIFF) if name not in capabilities]
    if not missing:
        return JoinStrategy(JoinKind.MERGE, content_cache), "branches are joined by MergeOp, which this BuildKit has"
    why = f"this BuildKit has no {' and no '.join(missing)}"
    if shell:
        return JoinStrategy(JoinKind.GENERAL, content_cache), f"branches are joined by a step that compares them: {why}"
    why = f"branches are built one after the other: {why}, and the base has no shell"
    return JoinStrategy(JoinKind.REPLAY, content_cache), why
