"""A program that runs in a container, by podman's exec calls."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from workbench.process import descendants
from workbench.replicasets.engines.frames import frames
from workbench.replicasets.engines.libpod_http import LibpodHttp
from workbench.replicasets.engines.protocol import Container
from workbench.replicasets.errors import EngineError


class LibpodRunning:
    """See Running. The program is started at once."""

    def __init__(self, http: LibpodHttp, container: Container, command: tuple[str, ...], workdir: str) -> None:
        self._http, self._container = http, container
        asked = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command), "WorkingDir": workdir}
        self._id = http.call("POST", f"/containers/{quote(container.id)}/exec", asked)["Id"]
        self._open = ExitStack()
        self._failed = 0
        try:
            pieces = self._open.enter_context(http.stream(f"/exec/{self._id}/start", {"Detach": False, "Tty": False}))
        except EngineError as error:
            # A program that is not there, or a folder: podman says so with an error, a shell with these numbers.
            self._failed = 126 if "permission denied" in error.message.lower() else 127
            self._said = f"{error.message}\n".encode()
            return
        self._frames = frames(pieces)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it writes, as it writes it."""
        if self._failed:
            yield 2, self._said
            return
        yield from self._frames

    def exit_code(self) -> int:
        """Return its exit code; it must have ended."""
        return self._failed or int(self._inspect().get("ExitCode", 0))

    def kill(self) -> None:
        """End it and all that it started."""
        if self._failed:
            return
        found = self._inspect()
        pid = int(found.get("Pid", 0))
        if found.get("Running") and pid and self._is_inside(pid):
            for process in (*descendants(pid), pid):
                if self._is_inside(process):
                    try:
                        os.kill(process, signal.SIGKILL)
                    except ProcessLookupError:
                        pass

    def close(self) -> None:
        """Stop listening to it."""
        self._open.close()

    def _inspect(self) -> dict[str, Any]:
        found = self._http.call("GET", f"/exec/{self._id}/json")
        assert isinstance(found, dict)
        return found

    def _is_inside(self, pid: int) -> bool:
        """Whether the process is one of this container: numbers are used again."""
        try:
            with open(f"/proc/{pid}/cgroup") as file:
                return self._container.id in file.read()
        except OSError:
            return False
