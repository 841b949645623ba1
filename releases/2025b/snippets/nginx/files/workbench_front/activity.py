"""When the IDE was last used, from nginx's access log and the connections that are open."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

# Linux lists connections with addresses in hexadecimal; 01 is an established one.
_CONNECTIONS = Path("/proc/net/tcp")
_ESTABLISHED = "01"


class Activity:
    """The last use of the server at `server_port`; starting it counts as one.

    A request is told by nginx's log once it has been answered. One that is still open, as the
    WebSocket of an editor is for hours, is seen among the connections of this network namespace.
    """

    def __init__(self, server_port: int, idle_seconds: float) -> None:
        self._server_port = server_port
        self._idle_seconds = idle_seconds
        self._last = time.time()

    def listen(self, path: Path) -> None:
        """Take log lines, one a datagram, from the socket at `path`, for as long as the process lives.

        nginx sends its log there as to syslog, so no file grows however long a workbench runs.
        """
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.bind(str(path))

        def receive() -> None:
            while True:
                log.recv(65536)
                self.used()

        threading.Thread(target=receive, daemon=True).start()

    def used(self) -> None:
        """Note that the IDE is being used now."""
        self._last = time.time()

    def connections(self) -> int:
        """Return how many connections nginx holds open to the server."""
        server = f"0100007F:{self._server_port:04X}"
        try:
            rows = _CONNECTIONS.read_text().splitlines()[1:]
        except OSError:
            return 0
        columns = (row.split() for row in rows)
        return sum(1 for row in columns if row[2] == server and row[3] == _ESTABLISHED)

    def state(self) -> tuple[str, float, int]:
        """Return busy or idle, the time of the last use, and the number of open connections."""
        open_now = self.connections()
        if open_now:
            self.used()
        busy = open_now > 0 or time.time() - self._last < self._idle_seconds
        return ("busy" if busy else "idle"), self._last, open_now
