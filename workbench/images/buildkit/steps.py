"""What a BuildKit tells while it builds, as every Watcher is told it: numbered steps, and their lines."""

from __future__ import annotations

import threading
from collections.abc import Collection

from workbench.images.builder import Watcher
from workbench.images.buildkit.llb.status import Event
from workbench.images.network import redacted

# What pip, apt, curl and git say when they do not know who signed a certificate.
DISTRUST = ("CERTIFICATE_VERIFY_FAILED", "certificate verification failed", "SSL certificate problem")


class Steps:
    """Reads the events of a build. Steps are numbered as they begin, because several are done at a time."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.distrusted = False
        self._titles: frozenset[str] = frozenset()
        self._total = self._cached = 0
        # By digest of the step: what it is called, with its number.
        self._begun: dict[str, str] = {}
        self._named: dict[str, str] = {}
        self._speaking = ""
        self._lock = threading.Lock()

    def expect(self, titles: Collection[str]) -> None:
        """Take note of the instructions that are steps; everything else that is done is none."""
        self._titles = frozenset(redacted(title) for title in titles)
        self._total = len(titles)

    def say(self, text: str) -> None:
        """Tell the watcher something of our own, between the lines of the daemon."""
        with self._lock:
            self._speaking = ""
            self.watcher.line(redacted(text))

    def sum_up(self) -> None:
        """Say how much was there: what this or another recipe did on the same base, from the same files."""
        if self._cached:
            self.say(f"{self._cached} of {len(self._begun)} steps were done before, and are taken over as they are")

    def called(self, title: str) -> str:
        """Return how a step is called in an error: its number, if it had one, and its title."""
        return self._named.get(redacted(title), redacted(title) or "no step: BuildKit did not begin")

    def read(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            if event.kind == "began":
                self._begin(event)
            elif event.kind == "cached" and event.digest in self._begun:
                self._cached += 1
                self._speak(event.digest)
                self.watcher.line("--> cached")
            elif event.kind == "line":
                text = redacted(event.text)
                self.distrusted |= any(sign in text for sign in DISTRUST)
                self._speak(event.digest)
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
        self._speaking = event.digest
        self.watcher.line(self._begun[event.digest])
        self.watcher.step(number, self._total, title)

    def _speak(self, digest: str) -> None:
        """Say whose line comes next, when it is not of the step that the last one was of."""
        if digest != self._speaking:
            self._speaking = digest
            if digest in self._begun:
                self.watcher.line(f"--- {self._begun[digest].partition(':')[0].lower()} goes on:")
