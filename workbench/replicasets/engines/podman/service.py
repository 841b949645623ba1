"""podman's API as a process of ours."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

from workbench.errors import WorkbenchError

_START_SECONDS = 30.0
_END_SECONDS = 10.0
_PING_SECONDS = 10.0
# The longest path that a unix socket may have, in bytes.
_LONGEST = 107


class PodmanService:
    """podman's API on a socket in `folder`, or in a short one where the path would be too long. See EngineService."""

    def __init__(self, folder: str) -> None:
        folder = os.path.abspath(folder)
        self._short = socket_folder(folder)
        self._path = os.path.join(self._short or folder, "podman.sock")
        self._log = os.path.join(folder, "podman.log")
        self._pid = os.path.join(folder, "podman.pid")
        self._temporary = os.path.join(folder, "podman.tmp")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def address(self) -> str:
        """The socket's address."""
        return f"unix://{self._path}"

    @property
    def log(self) -> str:
        """The file of its log."""
        return self._log

    def ensure(self) -> None:
        """Start it when it does not run; raises WorkbenchError when it does not come up."""
        with self._lock:
            if self._closed or self._runs():
                return
            if shutil.which("podman") is None:
                raise WorkbenchError("podman is not installed", hint="install it, or name another engine by --engine")
            if self._short:
                _make_private(self._short)
            self._end_orphan()
            self._clear()
            with open(self._log, "ab") as log:
                self._process = subprocess.Popen(
                    ["podman", "system", "service", "--time=0", self.address],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # A container that runs out of memory leaves a file `oom` in the folder that podman was started in.
                    cwd=os.path.dirname(self._log),
                    # What it was writing when it was killed, as large as an image, is found there again.
                    env={**os.environ, "TMPDIR": self._temporary},
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

    def _runs(self) -> bool:
        """Return whether it runs and can be reached; one that cannot has ended when this returns.

        A process that is killed accepts connections for a moment still, before it counts as ended; and a socket's file
        can be removed while its process runs on.
        """
        if self._process is None or self._process.poll() is not None:
            return False
        if self._answers():
            return True
        _end_child(self._process)
        return False

    def _end_orphan(self) -> None:
        """End the podman of a service that was killed: it would listen on a socket that has no name any more."""
        try:
            with open(self._pid, encoding="ascii") as file:
                number = int(file.read())
            with open(f"/proc/{number}/cmdline", "rb") as command:
                words = command.read().split(b"\0")
            # The number may be another process's by now; only ours has our socket among its words.
            if self.address.encode() in words:
                _end(number)
        except (OSError, ValueError):
            pass  # there is none

    def _clear(self) -> None:
        """Empty the folder of podman's temporary files: no podman uses it now."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        os.makedirs(self._temporary, mode=0o700, exist_ok=True)

    def _answers(self) -> bool:
        """Return whether it responds, or may do so yet: one that others keep busy is left alone."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_PING_SECONDS)
            try:
                client.connect(self._path)
                client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return bool(client.recv(1))
            except (TimeoutError, BlockingIOError):
                return True
            except OSError:
                return False

    def close(self) -> None:
        """End it. Containers run on."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                _end_child(self._process)


def _end_child(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, and return when it has."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end(number: int) -> None:
    """End a process that is no child of ours, and return when it has: it may be in the middle of a change."""
    ended = os.pidfd_open(number)
    try:
        for signal_, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, _START_SECONDS)):
            signal.pidfd_send_signal(ended, signal_)
            # It can be read from when the process has ended.
            if select.select([ended], [], [], seconds)[0]:
                return
    finally:
        os.close(ended)


def socket_folder(folder: str) -> str:
    """Return a short folder for the socket of the service whose files are in `folder`, "" if its path is short enough.

    It is the same one each time, and only this user's: below XDG_RUNTIME_DIR, else where temporary files are.
    """
    if _fits(folder):
        return ""
    name = f"workbench-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    parents = (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir())
    usable = (os.path.join(parent, name) for parent in parents if os.path.isdir(parent))
    return next(filter(_fits, usable), f"/tmp/{name}")


def _fits(folder: str) -> bool:
    return len(os.fsencode(folder)) + len("/podman.sock") <= _LONGEST


def _make_private(folder: str) -> None:
    """Make a folder that only this user can enter; raises WorkbenchError when another could, or owns it."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise WorkbenchError(
            "podman's socket cannot be kept here: others may write in this folder",
            where=folder,
            hint="choose another folder by --state, with a shorter path, or set XDG_RUNTIME_DIR",
        )
