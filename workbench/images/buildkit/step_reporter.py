"""The progress of a build by BuildKit, as every Watcher receives it: numbered steps, and their lines."""

from __future__ import annotations

import threading
from collections.abc import Collection

from workbench.images.builder import Watcher
from workbench.images.buildkit.llb.status import Event
from workbench.images.network import certificate_refused, redacted


class StepReporter:
    """Reads the events of a build. Steps are numbered as they begin, because several are done at a time."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.hint = ""
        self._titles: frozenset[str] = frozenset()
        self._total = self._cached = 0
        # By digest of the step: what it is called, with its number.
        self._begun: dict[str, str] = {}
        self._named: dict[str, str] = {}
        self._current = ""
        self._lock = threading.Lock()

    def expect(self, titles: Collection[str]) -> None:
        """Set the instructions that count as steps; whatever else is done does not."""
        self._titles = frozenset(redacted(title) for title in titles)
        self._total = len(titles)

    def note(self, text: str) -> None:
        """Send the watcher a line of our own, between those of the daemon."""
        with self._lock:
            self._current = ""
            self.watcher.line(redacted(text))

    def sum_up(self) -> None:
        """Note how many steps were cached: done before on the same base, from the same files."""
        if self._cached:
            self.note(f"{self._cached} of {len(self._begun)} steps were done before, and are taken over as they are")

    def describe(self, title: str) -> str:
        """Return how an error names a step: its number, if it had one, and its title."""
        return self._named.get(redacted(title), redacted(title) or "no step: BuildKit did not begin")

    def read(self, event: Event) -> None:
        """Read one event."""
        with self._lock:
            if event.kind == "began":
                self._begin(event)
            elif event.kind == "cached" and event.digest in self._begun:
                self._cached += 1
                self._switch_to(event.digest)
                self.watcher.line("--> cached")
            elif event.kind == "line":
                text = redacted(event.text)
                self.hint = self.hint or certificate_refused(text)
                self._switch_to(event.digest)
                self.watcher.line(text)
            elif event.kind in ("failed", "warning"):
                self.watcher.line(redacted(event.text))

    def _begin(self, event: Event) -> None:
        title = redacted(event.name)
        if title not in self._titles or event.digest in self._begun:
            return
        number = len(self._begun) + 1
        self._total = max(self._total, number)
        self._begun[event.digest] = f"STEP {number}/{self._total}: {title}"
        self._named.setdefault(title, f"step {number} of {self._total}: {title}")
        self._current = event.digest
        self.watcher.line(self._begun[event.digest])
        self.watcher.step(number, self._total, title)

    def _switch_to(self, digest: str) -> None:
        """Name the step whose line comes next, when the last line was another step's."""
        if digest != self._current:
            self._current = digest
            if digest in self._begun:
                self.watcher.line(f"--- {self._begun[digest].partition(':')[0].lower()} goes on:")
