"""A program that runs in a container: podman's exec calls, and the framing of the output that they stream."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import quote

from workbench.process import descendants, in_session
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.errors import EngineError


class PodmanProgram:
    """See RunningProgram. The program is started at once, in the container of the id `container`."""

    def __init__(self, http: PodmanHttp, container: str, command: tuple[str, ...], workdir: str) -> None:
        self._http, self._container = http, container
        body = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command), "WorkingDir": workdir}
        self._id = http.call("POST", f"/containers/{quote(container)}/exec", body)["Id"]
        self._open = ExitStack()
        self._failed = 0
        try:
            pieces = self._open.enter_context(http.stream(f"/exec/{self._id}/start", {"Detach": False, "Tty": False}))
        except EngineError as error:
            # A program that does not exist, or a folder: an error for podman, an exit code for a shell.
            self._failed = 126 if "permission denied" in error.message.lower() else 127
            self._message = f"{error.message}\n".encode()
            return
        self._frames = frames(pieces)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it writes, as it writes it."""
        if self._failed:
            yield 2, self._message
            return
        yield from self._frames

    def exit_code(self) -> int:
        """Return its exit code; it must have ended."""
        return self._failed or int(self._inspect().get("ExitCode", 0))

    def kill(self) -> None:
        """End it and all that it started."""
        if self._failed:
            return
        details = self._inspect()
        if details.get("Running"):
            end_all(int(details.get("Pid", 0)), self._container)

    def close(self) -> None:
        """Stop listening to it."""
        self._open.close()

    def _inspect(self) -> dict[str, Any]:
        details = self._http.call("GET", f"/exec/{self._id}/json")
        assert isinstance(details, dict)
        return details


def end_all(pid: int, container: str) -> None:
    """End a program of a container, all below it, and what else is of its session: a shell's jobs outlive their parent.

    `container` is the whole id: numbers of processes are used again, and nothing outside of it is ended.
    """
    if pid and _is_inside(pid, container):
        for process in {*descendants(pid), *in_session(pid), pid}:
            if _is_inside(process, container):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def _is_inside(pid: int, container: str) -> bool:
    try:
        with open(f"/proc/{pid}/cgroup") as file:
            return container in file.read()
    except OSError:
        return False


def frames(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (stream, bytes) from a framed stream that arrives in pieces cut anywhere.

    A frame is 8 bytes (stream, 0, 0, 0, length) and what the program wrote. What has arrived of a
    frame is yielded at once: it may be long in coming.
    """
    rest, stream, missing = b"", 0, 0
    for piece in pieces:
        rest += piece
        while rest:
            if not missing:
                if len(rest) < 8:
                    break
                stream, missing, rest = rest[0], int.from_bytes(rest[4:8], "big"), rest[8:]
            part, rest = rest[:missing], rest[missing:]
            missing -= len(part)
            if part:
                yield stream, part
