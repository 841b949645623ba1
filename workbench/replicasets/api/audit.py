"""The audit log: one line of JSON for everything that was changed, tried, or refused for want of a right."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import UTC, datetime

_LOG = logging.getLogger("workbench.replicasets.audit")
# When it is that large, audit.log becomes audit.log.1, that .2 and so on; so many old ones are kept.
MOST_BYTES = 64 << 20
KEPT = 9
# No text of a client's takes more of a line than this.
_LONGEST = 300


class Audit:
    """Appends to a file that only its owner may read.

    Variables and the words of commands never come here: both hold secrets. The file is opened for each line, so
    that logrotate may move it too.
    """

    def __init__(self, path: str, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path, self._most, self._kept = path, most_bytes, kept
        self._lock = threading.Lock()

    def write(self, **line: object) -> None:
        """Add a line, long texts cut. A full disk is reported in the service's log; what was done is not undone."""
        text = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **_short(line)}) + "\n"
        try:
            with self._lock:
                if self._size() + len(text) > self._most:
                    self._rotate()
                with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
                    file.write(text)
        except OSError as error:
            _LOG.error("the audit log cannot be written (%s): %s", error.strerror, text.rstrip())

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except FileNotFoundError:
            return 0

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            older = f"{self._path}.{number - 1}" if number > 1 else self._path
            if os.path.exists(older):
                os.replace(older, f"{self._path}.{number}")


def _short(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return {key: _cut(each) for key, each in value.items()}


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {str(key)[:60]: _cut(each) for key, each in list(value.items())[:30]}
    if isinstance(value, list):
        return [_cut(each) for each in value[:30]]
    return value
