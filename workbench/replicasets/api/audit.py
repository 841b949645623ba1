"""The audit log: one line of JSON for everything that was changed, tried, or refused for want of a right."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import UTC, datetime

_LOG = logging.getLogger("workbench.replicasets.audit")


class Audit:
    """Appends to a file that only its owner may read.

    Variables and the words of commands never come here: both hold secrets.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()

    def write(self, **line: object) -> None:
        """Add a line. A full disk is reported in the service's log; what was done is not undone."""
        text = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **line}) + "\n"
        try:
            with self._lock, open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            _LOG.error("the audit log cannot be written (%s): %s", error.strerror, text.rstrip())
