"""Reading the steps of a build from what podman prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.containerfile.stages import Stage
from workbench.images.builder import Watcher
from workbench.images.network import certificate_refused, redacted
from workbench.images.podman import quirks


class StepReporter:
    """Reads podman's output: which step begins, counted over all stages, and what to do about a failure."""

    def __init__(
        self,
        watcher: Watcher,
        stages: Sequence[Stage],
        labels: int,
        version: Sequence[int],
        titles: Mapping[str, str] | None = None,
    ) -> None:
        """Take where to report to, the stages to build, how many labels come on top, and podman's version.

        `titles` are what steps are called in the recipe, by what podman calls them, where that is not the same.
        """
        self.watcher = watcher
        self.number = 0
        self.current = "no step: podman did not begin"
        self.hint = ""
        self._counts = quirks.step_counts(stages, labels, version)
        self._begun: set[int] = set()
        self._titles = titles or {}

    def read(self, line: str) -> None:
        """Read one line of podman's output."""
        line = redacted(line)
        self.watcher.line(line)
        self.hint = self.hint or certificate_refused(line) or quirks.hint(line)
        if step := quirks.step_line(line):
            self.number += 1
            self._begun.add(step.stage)
            # podman's own count holds, and a stage that it passed over is not going to be built.
            kept = {stage: count for stage, count in self._counts.items() if stage > step.stage or stage in self._begun}
            self._counts = {**kept, step.stage: step.count}
            total = max(self.number, sum(self._counts.values()))
            title = self._titles.get(step.title, step.title)
            self.current = f"step {self.number} of {total}: {title}"
            self.watcher.step(self.number, total, title)
