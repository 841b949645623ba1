"""The log of a model that runs, line by line as it is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import deque
from typing import Any

from workbench import podman

_LAST_LINES = 15
_END_SECONDS = 5.0
# What the server writes about itself counts from these levels on.
_SERIOUS = ("WARN", "WARNING", "ERROR", "CRITICAL")
# The server loads each model by a line of its own, which names methods of its older API.
_OF_LOADING = re.compile(r"<string>:\d+: DeprecationWarning: ")


class ModelLog:
    """Shows the log of `container` on standard error until it has ended, unless `quiet`; `last` are its last lines.

    With `server` the server's own warnings are shown too.
    """

    def __init__(self, container: str, *, quiet: bool = False, server: bool = False) -> None:
        self.last: deque[str] = deque(maxlen=_LAST_LINES)
        self.is_quiet = quiet
        self._server = server
        self._child = subprocess.Popen(
            [podman.program(), "logs", "--follow", container],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._read, name="log", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait so long for the end of the log, and so of the container; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self) -> None:
        """Read what is left of a container that has ended; of one that runs, what there is."""
        self._thread.join(_END_SECONDS)
        self._child.terminate()
        self._child.wait()
        self._thread.join(_END_SECONDS)

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as lines:
            for line in lines:
                text, is_model = read_line(line.rstrip("\n"))
                if not text:
                    continue
                self.last.append(text)
                if not self.is_quiet and (is_model or self._server):
                    print(text, file=sys.stderr, flush=True)


def read_line(line: str) -> tuple[str, bool]:
    """Return what a line of a log says, "" for nothing of interest, and whether the model says it, not the server.

    cog's server writes each line as JSON, those of the model with their source or below a target of their own (cog
    0.23.1, checked 2026-11-30). Other lines are taken as they are.
    """
    try:
        record: Any = json.loads(line) if line.startswith("{") else None
    except ValueError:
        record = None
    fields = record.get("fields") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(fields, dict) or "target" not in record:
        return line, True
    message = str(fields.get("message", ""))
    if "source" in fields or record["target"] == "coglet::user":
        return ("", True) if _OF_LOADING.match(message) else (message, True)
    if record.get("level") not in _SERIOUS:
        return "", False
    return (f"{message}: {fields['error']}" if "error" in fields else message), False
