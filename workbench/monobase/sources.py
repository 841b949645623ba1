"""Where mirrors are read: a folder, or an HTTP server. What is read is checked by who reads it (`mirror.py`)."""

from __future__ import annotations

import http.client
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from workbench.errors import WorkbenchError
from workbench.files import unblocked

_T = TypeVar("_T")

# What does not answer is tried again, after a pause in seconds; then the mirror is left alone.
_TRIES, _PAUSE, _TIMEOUT = 3, 1.0, 30.0
# Who sends fewer bytes a second, once a minute has passed, keeps everybody waiting.
_SLOWEST, _PATIENCE = 64 * 2**10, 60.0
_BROKEN = (OSError, http.client.HTTPException, ValueError)


class MirrorError(WorkbenchError):
    """A mirror does not have something, or its digest is another."""


class UnreachableError(MirrorError):
    """A mirror does not answer."""


class Readable(Protocol):
    """What can be read in parts."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class Source:
    """A folder, or the address of one on an HTTP server, for several threads. `fetched` are the bytes that it sent."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.fetched = 0
        self._dead: MirrorError | None = None
        self._lock = threading.Lock()

    @contextmanager
    def open(self, path: str, size: int = 0) -> Iterator[Readable]:
        """Open the file at `path`, which has about `size` bytes; raises MirrorError, also while it is read."""
        try:
            stream = self._connect(path)
        except FileNotFoundError:
            raise MirrorError(f"it has no {path}", where=self.location) from None
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:
                raise MirrorError(f"it has no {path}: {error.code}", where=self.location) from None
            raise UnreachableError(f"{path}: {error.code}", where=self.location) from None
        except _BROKEN as error:
            raise UnreachableError(f"{path} cannot be read: {error}", where=self.location) from None
        with stream as opened:
            yield _Checked(self, opened, path, time.monotonic() + _PATIENCE + size / _SLOWEST)

    def retried(self, action: Callable[[], _T]) -> _T:
        """Return what `action` returns; while the mirror does not answer it is done again, a few times in all.

        After that raises UnreachableError at once, whatever is to be done: nothing waits for a dead mirror twice.
        """
        for tried in range(1, _TRIES + 1):
            if self._dead is not None:
                raise self._dead
            try:
                return action()
            except UnreachableError as error:
                if tried == _TRIES:
                    self.give_up(error)
                    raise
                time.sleep(_PAUSE * tried)
        raise AssertionError("unreachable")

    def give_up(self, error: MirrorError) -> None:
        """Raise `error` from now on."""
        self._dead = error

    def count(self, size: int) -> None:
        """Count bytes that were sent."""
        with self._lock:
            self.fetched += size

    def _connect(self, path: str) -> AbstractContextManager[Readable]:
        if is_http(self.location):
            request = urllib.request.Request(f"{self.location.rstrip('/')}/{path}")
            response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT)
            return response
        return open(os.path.join(self.location, path), "rb", opener=unblocked)


class _Checked:
    """Reads a stream: what goes wrong is a MirrorError, what takes too long too."""

    def __init__(self, source: Source, stream: Readable, path: str, deadline: float) -> None:
        self._source, self._stream, self._path, self._deadline = source, stream, path, deadline

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        try:
            data = self._stream.read(size)
        except _BROKEN as error:
            raise UnreachableError(f"{self._path} cannot be read: {error}", where=self._source.location) from None
        # A response knows how much of it is still to come.
        if not data and getattr(self._stream, "length", None):
            raise UnreachableError(f"{self._path}: the connection ended", where=self._source.location)
        if time.monotonic() > self._deadline:
            raise UnreachableError(f"{self._path} comes too slowly", where=self._source.location)
        self._source.count(len(data))
        return data


def is_http(location: str) -> bool:
    """Return whether a mirror is at an HTTP address, else in a folder."""
    return location.startswith(("http://", "https://"))
