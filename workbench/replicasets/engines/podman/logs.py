"""What a container wrote: podman's logs, and where its last lines begin."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote

from workbench.replicasets.engines.podman.exec import frames
from workbench.replicasets.engines.podman.http import Pieces, PodmanHttp
from workbench.replicasets.errors import EngineGone

_Query = dict[str, str | int | bool | list[str]]


class PodmanLogs:
    """See ReadingLogs."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http

    def last_lines(self, name: str, count: int) -> list[str]:
        """Return what a container wrote last, at most so many lines."""
        text = b"".join(piece for _, piece in self.logs(name, tail=count)).decode(errors="replace")
        return [line.rstrip("\r") for line in text.split("\n") if line][-count:]

    def logs(self, name: str, *, tail: int, since: float = 0.0, follow: bool = False) -> PodmanLog:
        """Return its last `tail` lines, and what it writes next."""
        return PodmanLog(self._http, f"/containers/{quote(name, safe='')}/logs", tail, since, follow)


class PodmanLog:
    """See LogStream.

    podman (4.3) returns last lines wrong where something was written without an end of line, such as a progress bar:
    in another order, and glued to the line before. So only the time of the line before them is taken from those, and
    from then on the log is read as it is: once to find where the last lines begin, and once more from there.
    """

    def __init__(self, http: PodmanHttp, path: str, tail: int, since: float, follow: bool) -> None:
        self._http, self._path, self._tail, self._since, self._follow = http, path, tail, since, follow
        self._open: Pieces | None = None
        self._closed = False

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (stream, bytes), oldest first."""
        if not self._tail:
            yield from self._read({"tail": 0, "follow": True}) if self._follow else ()
            return
        since = max(self._since, self._line_before())
        query: _Query = {"since": _iso(since)} if since else {}
        begin, end = self._last_lines(query)
        at = 0
        for stream, piece in self._read({**query, "follow": self._follow}):
            wanted = piece[max(begin - at, 0) : None if self._follow else max(end - at, 0)]
            at += len(piece)
            if wanted:
                yield stream, wanted

    def close(self) -> None:
        """Have the iteration end, from any thread."""
        self._closed = True
        if self._open is not None:
            self._open.end()

    def _line_before(self) -> float:
        """Return when the line before the last ones was written, 0 when there is none; a second early at most."""
        first, count = 0.0, 0
        # Frame by frame, without what is in them: a line may be very long.
        for head in self._heads({"tail": self._tail + 1, "timestamps": True}):
            count += 1
            if count == 1:
                with suppress(ValueError):
                    text = head.partition(b" ")[0].decode()
                    first = max(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - 1, 0.0)
        return first if count > self._tail else 0.0

    def _last_lines(self, query: _Query) -> tuple[int, int]:
        """Return where the last lines begin and where they end, in bytes."""
        starts: deque[int] = deque([0], maxlen=self._tail + 1)
        at = 0
        for _, piece in self._read(query):
            for line in piece.splitlines(keepends=True) if b"\n" in piece else (piece,):
                at += len(line)
                if line.endswith(b"\n"):
                    starts.append(at)
        # What begins at the end is no line.
        found = [start for start in starts if start < at][-self._tail :]
        return (found[0] if found else at), at

    def _heads(self, query: _Query) -> Iterator[bytes]:
        """Yield the beginning of each line, which podman has as a frame."""
        begun = True
        for _, piece in self._read(query):
            if begun:
                yield piece
            begun = piece.endswith(b"\n")

    def _read(self, query: _Query) -> Iterator[tuple[int, bytes]]:
        """Yield what podman responds with; it ends at once when it was closed."""
        if self._closed:
            return
        try:
            with self._http.stream(self._path, query={"stdout": True, "stderr": True, **query}, method="GET") as pieces:
                self._open = pieces
                if self._closed:
                    return
                yield from frames(pieces)
        except EngineGone:
            if not self._closed:
                raise
        finally:
            self._open = None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
