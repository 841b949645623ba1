"""Reading the steps of a build from what podman prints."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.images.builder import Watcher
from workbench.images.network import certificate_refused, redacted
from workbench.images.podman import quirks


class StepReporter:
    """Reads podman's output: which step begins, counted over all stages, and what to do about a failure."""

    def __init__(self, watcher: Watcher, text: str, labels: int, version: Sequence[int]) -> None:
        """Take where to report to, the Containerfile, how many labels come on top, and podman's version."""
        self.watcher = watcher
        self.text = text
        self.labels = labels
        self.total = quirks.step_count(text, quirks.expected_label_steps(labels, version))
        self.number = 0
        self.current = "no step: podman did not begin"
        self.hint = ""

    def read(self, line: str) -> None:
        """Read one line of podman's output."""
        line = redacted(line)
        self.watcher.line(line)
        self.hint = self.hint or certificate_refused(line) or quirks.hint(line)
        if title := quirks.step_title(line):
            self.number += 1
            labels = quirks.label_steps(line, self.text)
            if labels is not None and labels <= self.labels:
                self.total = quirks.step_count(self.text, labels)
            self.total = max(self.total, self.number)
            self.current = f"step {self.number} of {self.total}: {title}"
            self.watcher.step(self.number, self.total, title)
