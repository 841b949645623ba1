"""A program in a container that is given input, on a terminal or not: podman's exec calls on a hijacked connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import quote

from workbench.replicasets.engines.capabilities import Terminal
from workbench.replicasets.engines.podman.exec import end_all, frames
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.engines.podman.pacing import Pacing
from workbench.replicasets.errors import EngineError, ReplicaSetError

# podman notes that a program runs, and that it ended, a moment after the connection shows it.
_NOTED_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class PodmanAttached:
    """See AttachedProgram. The program is started at once, in the container of the id `container`."""

    def __init__(
        self, http: PodmanHttp, container: str, command: tuple[str, ...], workdir: str, terminal: Terminal | None
    ) -> None:
        self._http, self._container, self._terminal = http, container, terminal
        tty = terminal is not None
        body: dict[str, Any] = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": tty}
        body |= {"Cmd": list(command), "Env": [f"TERM={terminal.type}"] if terminal else [], "DetachKeys": ""}
        if workdir:
            body["WorkingDir"] = workdir
        self._id = http.call("POST", f"/containers/{quote(container)}/exec", body)["Id"]
        self._open, self._failed, self._pid = ExitStack(), 0, 0
        self._pacing: Pacing | None = None
        start: dict[str, Any] = {"Detach": False, "Tty": tty}
        if terminal is not None:
            start |= {"h": terminal.rows, "w": terminal.columns}
        try:
            self._connection = self._open.enter_context(http.hijacked(f"/exec/{self._id}/start", start))
        except EngineError as error:
            # A program that does not exist, or a folder: an error for podman, an exit code for a shell.
            self._failed = 126 if "permission denied" in error.message.lower() else 127
            self._message = f"{error.message}\n".encode()
            return
        with suppress(ReplicaSetError):
            self._pid = int(self._inspect().get("Pid", 0))
        if terminal is not None:
            self._pacing = Pacing(self._pid, self._connection)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it writes, as it writes it."""
        if self._failed:
            yield (2 if self._terminal is None else 1), self._message
        elif self._terminal is None:
            yield from frames(self._connection)
        else:
            for piece in self._connection:
                yield 1, piece

    def write(self, data: bytes) -> None:
        """Give it input."""
        if not self._failed:
            for piece in (data,) if self._pacing is None else self._pacing.pieces(data):
                self._connection.write(piece)

    def end_input(self) -> None:
        """Let it find the end of its input."""
        if not self._failed and self._terminal is None:
            self._connection.end_writing()

    def resize(self, rows: int, columns: int) -> None:
        """Give its terminal another size."""
        if not self._failed and self._terminal is not None:
            with suppress(EngineError):
                self._http.call("POST", f"/exec/{self._id}/resize", query={"h": rows, "w": columns})

    def exit_code(self) -> int:
        """Return its exit code; it must have ended."""
        return self._failed or int(self._settled(lambda details: not details.get("Running")).get("ExitCode", 0))

    def kill(self) -> None:
        """End it and all that it started, with podman or without."""
        if self._failed:
            return
        try:
            details = self._settled(lambda details: details.get("Pid") or not details.get("Running"))
            if not details.get("Running"):
                return
            self._pid = int(details.get("Pid", 0)) or self._pid
        except ReplicaSetError:
            pass  # podman is gone: the program is not, and its number may be known
        end_all(self._pid, self._container)

    def close(self) -> None:
        """Stop listening to it, and writing."""
        if self._pacing is not None:
            self._pacing.end()
        if not self._failed:
            self._connection.end()
        self._open.close()

    def _inspect(self) -> dict[str, Any]:
        details: dict[str, Any] = self._http.call("GET", f"/exec/{self._id}/json")
        return details

    def _settled(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Return what podman knows of it, once it is so; soon in any case."""
        deadline = time.monotonic() + _NOTED_SECONDS
        while True:
            details = self._inspect()
            if is_so(details) or time.monotonic() > deadline:
                return details
            time.sleep(_LOOK_SECONDS)


class PodmanAttaching:
    """See Attaching."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http

    def attach(self, name: str, command: tuple[str, ...], workdir: str, terminal: Terminal | None) -> PodmanAttached:
        """Start a program in a running container."""
        container = self._http.call("GET", f"/containers/{quote(name)}/json")["Id"]
        return PodmanAttached(self._http, container, command, workdir, terminal)
