"""podman's API as a process of ours."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from workbench.errors import WorkbenchError

_START_SECONDS = 30.0


class PodmanService:
    """podman's API on a socket in `folder`. See EngineService."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "podman.sock")
        self._log = os.path.join(folder, "podman.log")
        self._pid = os.path.join(folder, "podman.pid")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def address(self) -> str:
        """The socket's address."""
        return f"unix://{self._path}"

    def ensure(self) -> None:
        """Start it when it does not run; raises WorkbenchError when it does not come up."""
        with self._lock:
            if self._closed or (self._process is not None and self._process.poll() is None):
                return
            if shutil.which("podman") is None:
                raise WorkbenchError("podman is not installed", hint="install it, or name another engine by --engine")
            self._end_orphan()
            with open(self._log, "ab") as log:
                self._process = subprocess.Popen(
                    ["podman", "system", "service", "--time=0", self.address],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is not for it: operations under way need podman until they are done.
                    start_new_session=True,
                )
            with open(self._pid, "w", encoding="ascii") as file:
                file.write(str(self._process.pid))
            deadline = time.monotonic() + _START_SECONDS
            while not self._answers():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise WorkbenchError("podman's API does not come up", hint=f"{self._log} says why")
                time.sleep(0.05)

    def _end_orphan(self) -> None:
        """End the podman of a service that was killed: it would listen on a socket that has no name any more."""
        try:
            with open(self._pid, encoding="ascii") as file:
                number = int(file.read())
            with open(f"/proc/{number}/cmdline", "rb") as command:
                words = command.read().split(b"\0")
            # The number may be another process's by now; only ours has our socket among its words.
            if self.address.encode() in words:
                os.kill(number, signal.SIGTERM)
        except (OSError, ValueError):
            pass  # there is none

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self._path)
            except OSError:
                return False
            return True

    def close(self) -> None:
        """End it. Containers run on."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
                try:
                    self._process.wait(10)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
