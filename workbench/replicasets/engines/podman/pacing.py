"""Input for a terminal no faster than its program reads it.

conmon (2.1) gives input and takes output in one thread. While it waits for room for input it takes no output: a program
that echoes a long paste then waits for conmon, and conmon for it, for ever.
"""

from __future__ import annotations

import array
import fcntl
import os
import termios
import threading
from collections.abc import Iterator

from workbench.replicasets.engines.podman.http import Hijacked

# The kernel (6.1, N_TTY) keeps 4 KiB for the program. Beyond that it keeps back all that comes, Ctrl-C too, unless no
# line of it is complete: then it drops it and counts nothing as unread.
_PIECE = 1024
_FULL = 2048
_LOOK_SECONDS = 0.001
# Conmon is held up once 8 KiB more than that wait: it may be away for several times this long.
_WAY_SECONDS = 0.006


class Pacing:
    """Looks how much of its input a program has not read: the one of the id `pid`, whose input is a terminal.

    Where its terminal cannot be looked at, or its input is another one by now, input only comes slower.
    """

    def __init__(self, pid: int, connection: Hijacked) -> None:
        self._connection = connection
        self._path = f"/proc/{pid}/fd/0"
        self._ended = threading.Event()
        self._device = self._current()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield `data` in pieces, each when there is room for it; no more of it after `end`."""
        for at in range(0, len(data), _PIECE):
            # What podman took is on its way through conmon for a moment, and is nowhere to be seen.
            if at:
                self._ended.wait(_WAY_SECONDS)
            while self._connection.untaken() or self._unread() > _FULL:
                if self._ended.wait(_LOOK_SECONDS):
                    return
            yield data[at : at + _PIECE]

    def end(self) -> None:
        """Have `pieces` end, from any thread."""
        self._ended.set()

    def _unread(self) -> int:
        count = array.array("i", [0])
        try:
            if not self._device or self._current() != self._device:
                raise OSError
            # Not kept open: whoever waits for the end of the terminal would not see it.
            terminal = os.open(self._path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                fcntl.ioctl(terminal, termios.FIONREAD, count)
            finally:
                os.close(terminal)
        except OSError:
            self._ended.wait(2 * _LOOK_SECONDS)
            return 0
        return count[0]

    def _current(self) -> int:
        """Return the number of the device that the program's input is, 0 for none."""
        try:
            return os.stat(self._path).st_rdev
        except OSError:
            return 0
