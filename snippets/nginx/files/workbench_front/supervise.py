"""Two processes under one roof: what reaches us reaches them, and how the server ends is how we end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO

# A platform kills what is not gone ten seconds or more after its TERM: be sooner, and end in good order.
PATIENCE = 7
_IN_ADDRESS = re.compile(rb"([?&]token=)[^&\s\"]*")


class Supervisor:
    """Runs the IDE's server and nginx, each as the leader of a process group of its own."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def run(self, server: Sequence[str], nginx: Sequence[str]) -> int:
        """Run both until the server has ended, and return its status: 128 + N when signal N ended it.

        TERM and INT go on to the server, and nginx is ended with it; what is left after PATIENCE
        seconds is killed. When nginx ends first, which it never should, the status is 1.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self._end(number))
        signal.signal(signal.SIGALRM, lambda *_: self._kill())
        try:
            first, second = self._start(server), self._start(nginx, stderr=subprocess.PIPE)
        except OSError as error:
            print(f"workbench-front: {error.filename} cannot be started: {error.strerror}", file=sys.stderr)
            self._end(signal.SIGTERM)
            self._reap_all()
            return 127
        statuses: dict[int, int] = {}
        while first not in statuses:
            ended, status = self._reap()
            statuses[ended] = status
            if ended == second and not self._ending:
                print("workbench-front: nginx ended, and so does all of it", file=sys.stderr)
                self._end(signal.SIGTERM)
                statuses[first] = 1
        self._end(signal.SIGTERM)
        self._reap_all()
        # What the server left behind, such as the shells of its terminals.
        _signal(os.killpg, first, signal.SIGKILL)
        return statuses[first]

    @property
    def _ending(self) -> bool:
        return signal.getitimer(signal.ITIMER_REAL)[0] > 0

    def _start(self, command: Sequence[str], stderr: int | None = None) -> int:
        process = subprocess.Popen(command, start_new_session=True, stderr=stderr)
        self._running[process.pid] = process
        if process.stderr is not None:
            threading.Thread(target=_without_tokens, args=(process.stderr,), daemon=True).start()
        return process.pid

    def _end(self, number: int) -> None:
        if not self._ending:
            signal.alarm(PATIENCE)
        for pid in list(self._running):
            _signal(os.kill, pid, number)

    def _kill(self) -> None:
        for pid in list(self._running):
            _signal(os.killpg, pid, signal.SIGKILL)

    def _reap(self) -> tuple[int, int]:
        """Wait for a child to end, orphans among them: process 1 of a container inherits those."""
        pid, raw = os.waitpid(-1, 0)
        code = os.waitstatus_to_exitcode(raw)
        if process := self._running.pop(pid, None):
            process.returncode = code
        return pid, code if code >= 0 else 128 - code

    def _reap_all(self) -> None:
        while self._running:
            self._reap()
        signal.alarm(0)


def _without_tokens(lines: IO[bytes]) -> None:
    """Write nginx's log to ours; it has the address of what failed, and an address may have a token."""
    for line in lines:
        sys.stderr.buffer.write(_IN_ADDRESS.sub("\\1…".encode(), line))
        sys.stderr.flush()


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    try:
        send(pid, number)
    except ProcessLookupError:
        pass
