"""Making room: a prefix is pruned down to a size, what was used least recently first, and no more than is needed."""

from __future__ import annotations

from collections.abc import Callable

from workbench.monobase import layout
from workbench.monobase.install import Toolchain
from workbench.monobase.layout import GenerationFolder
from workbench.monobase.leases import GRACE, last_use, uses
from workbench.monobase.prune import PruneReport, freed_without, prune
from workbench.monobase.sizes import measure


def prune_to(
    tools: Toolchain,
    size: int,
    may_go: Callable[[GenerationFolder], bool],
    *,
    dry_run: bool = False,
    grace: float = GRACE,
) -> PruneReport:
    """Remove what nothing uses, then generations that `may_go`, until the prefix takes at most `size` bytes.

    What `prune` keeps stays, whatever the size: what is in use or was a moment ago, is pinned, or a `latest` points at.
    `kept` of the report has those when they are in the way; `left` is what the prefix takes at the end. The caller
    holds the prefix's lock. Raises WorkbenchError like `prune`.
    """
    total = measure(tools.prefix).total
    if total <= size:
        return PruneReport(left=total)
    removing: list[GenerationFolder] = []
    kept: list[tuple[str, str]] = []
    if total - freed_without(tools, removing) > size:
        # Whoever is seen to use one now has used it a moment ago.
        uses(tools.prefix)
        would = prune(tools, may_go, dry_run=True, grace=grace)
        kept = would.kept
        free = [folder for folder in layout.folders(tools.prefix) if folder.name in would.removed]
        for folder in sorted(free, key=lambda one: last_use(tools.prefix, one.name)):
            removing.append(folder)
            if total - freed_without(tools, removing) <= size:
                break
    names = {folder.name for folder in removing}
    report = prune(tools, lambda folder: folder.name in names, dry_run=dry_run, grace=grace)
    report.left = total - report.freed if dry_run else measure(tools.prefix).total
    if report.left > size:
        report.kept += kept
    return report
