"""The endpoint that a Prometheus scrapes: `/metrics`, read-only, without a secret in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from workbench.errors import UsageError, WorkbenchError
from workbench.monobase.exposition import CONTENT_TYPE
from workbench.monobase.prefix import Prefix
from workbench.monobase.sizes import PrefixSizes, current_sizes, fingerprint

PATH = "/metrics"
# A client that says nothing has its connection for so many seconds.
_TIMEOUT = 10


class LiveSizes:
    """The sizes of a prefix for who must not wait: they are measured beside, once for each change."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._of = ""
        self._sizes: PrefixSizes | None = None

    def get(self) -> PrefixSizes | None:
        """Return the last sizes, and let them be measured when something has changed; None before the first time."""
        now = fingerprint(self._prefix)
        with self._lock:
            if now != self._of and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._measure, args=(now,), daemon=True)
                self._thread.start()
            return self._sizes

    def wait(self) -> None:
        """Wait until what is being measured is."""
        if self._thread is not None:
            self._thread.join()

    def _measure(self, now: str) -> None:
        sizes = current_sizes(self._prefix)
        with self._lock:
            self._of, self._sizes = now, sizes


class MetricsServer(ThreadingHTTPServer):
    """Serves what `text` returns at `/metrics`."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], text: Callable[[], str]) -> None:
        self.text = text
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = _TIMEOUT
    server: MetricsServer

    def do_GET(self) -> None:
        """Answer with the metrics."""
        if self.path.partition("?")[0] != PATH:
            self._answer(404, "text/plain; charset=utf-8", f"it is at {PATH}\n")
            return
        try:
            self._answer(200, CONTENT_TYPE, self.server.text())
        except (WorkbenchError, OSError) as error:
            self._answer(503, "text/plain; charset=utf-8", f"{error}\n")

    def _answer(self, status: int, kind: str, text: str) -> None:
        data = text.encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """A scrape every few seconds is no news."""


def listening(text: str, metrics: Callable[[], str]) -> MetricsServer:
    """Return a server that listens at `text`: ":9464", or with an address of this machine before the colon.

    Raises UsageError when it is no address, and WorkbenchError when that is not free.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536) or ":" not in text:
        raise UsageError(f"{text!r} is not an address to listen at", hint="write :9464, or 127.0.0.1:9464")
    try:
        return MetricsServer((host, int(port)), metrics)
    except OSError as error:
        raise WorkbenchError(f"{text} cannot be listened at: {error.strerror}", hint="name another --listen") from None
