"""podman's log: where its runtime's own reasons are, when podman only passes an exit status on."""

from __future__ import annotations

import os
import re

from workbench.replicasets.errors import EngineError

_STATUS = re.compile(r"exit status [0-9]+|no logs from conmon")
# What podman and runc write: time="…" level=error msg="…"
_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')
_MOST = 4096


class Log:
    """The file of that path; "" for none, which explains nothing."""

    def __init__(self, path: str) -> None:
        self._path = path

    def end(self) -> int:
        """Return how long it is now, 0 when it cannot be read."""
        try:
            return os.stat(self._path).st_size if self._path else 0
        except OSError:
            return 0

    def explained(self, error: EngineError, begin: int) -> EngineError:
        """Return the error with what was written since `begin`, when all it has is the exit status of a program.

        podman (4.3 to 5.4, 2026) lets the runtime write to its own standard error when it pauses a container or
        changes its limits.
        """
        if not self._path or not _STATUS.search(error.message):
            return error
        try:
            with open(self._path, "rb") as file:
                file.seek(max(begin, self.end() - _MOST))
                lines = file.read(_MOST).decode(errors="replace").splitlines()
        except OSError:
            return error
        reasons = [match[1] if (match := _MESSAGE.search(line)) else line.strip() for line in lines]
        reason = "; ".join(dict.fromkeys(each for each in reasons if each))
        return EngineError(f"{error.message}: {reason[-600:]}", error.status, hint=error.hint) if reason else error
