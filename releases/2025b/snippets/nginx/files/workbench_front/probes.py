"""What the platform asks: is it alive (`/api`), and is it used (`/api/kernels`, `/api/terminals`)?"""

from __future__ import annotations

import http.client
import json
import socketserver
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from workbench_front.activity import Activity
from workbench_front.settings import Settings

_PATIENCE = 5.0


class ProbeServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers probes on the socket at `path`, which nginx passes them to."""

    daemon_threads = True

    def __init__(self, path: Path, settings: Settings, activity: Activity) -> None:
        super().__init__(str(path), _Handler)
        self._settings = settings
        self._activity = activity

    def start(self) -> None:
        """Answer from a thread of its own, for as long as the process lives."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, path: str) -> tuple[int, object]:
        """Return the status and the JSON value for a probe's path."""
        if path.partition("?")[0] == "/api/kernels":
            return 200, [self._kernel()]
        if path.partition("?")[0] == "/api/terminals":
            return 200, []
        return (200, {"status": "alive"}) if self._alive() else (503, {"status": "starting"})

    def _kernel(self) -> dict[str, object]:
        """Return the IDE as Jupyter would list a kernel: the culler knows no other shape."""
        state, last, connections = self._activity.state()
        return {
            "id": self._settings.name,
            "name": self._settings.name,
            "last_activity": datetime.fromtimestamp(last, UTC)
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z"),
            "execution_state": state,
            "connections": connections,
        }

    def _alive(self) -> bool:
        server = http.client.HTTPConnection("127.0.0.1", self._settings.server_port, timeout=_PATIENCE)
        try:
            server.request("GET", self._settings.health)
            return server.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            server.close()


class _Handler(BaseHTTPRequestHandler):
    server: ProbeServer

    def do_GET(self) -> None:
        """Answer a probe."""
        status, value = self.server.answer(self.path)
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: probes come every few seconds."""
