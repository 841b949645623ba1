"""The progress of a build, as the daemon reports it: which steps start and end, and what they print."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc

from workbench.images.buildkit.llb.calls import CONTROL, Calls, Future
from workbench.images.buildkit.llb.pb import control_pb2 as control

Kind = Literal["began", "cached", "ended", "failed", "line", "progress", "warning"]
# How many lines of a failed step are kept for its error.
_KEPT_LINES = 40
# The status of a build may be requested before the daemon has begun it.
_RETRY_SECONDS = 0.02
_END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the vertex `name` (its `digest` is its identity, `inputs` what it stands on).

    `cached` and `ended` come instead of each other; `failed` has BuildKit's error in `text`; a
    `line` has one of its output, without its end, of `stream` 1 or 2 (errors); `progress` is a
    transfer, `text` what of it and `current` of `total` bytes (0 when nobody knows).
    """

    kind: Kind
    digest: str
    name: str
    text: str = ""
    stream: int = 0
    current: int = 0
    total: int = 0
    inputs: tuple[str, ...] = ()


Watch = Callable[[Event], None]


@dataclass
class _Vertex:
    name: str = ""
    inputs: tuple[str, ...] = ()
    began: bool = False
    done: bool = False
    error: str = ""
    tails: dict[int, bytes] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))


class StatusReader:
    """Turns the responses of Status, each of which repeats what is known of a vertex, into events that do not."""

    def __init__(self) -> None:
        self._vertices: dict[str, _Vertex] = {}
        self._failed: list[str] = []

    def read(self, response: control.StatusResponse) -> Iterator[Event]:
        """Yield what is new in `response`, in the order in which it happened to each vertex."""
        for reported in response.vertexes:
            vertex = self._vertices.setdefault(reported.digest, _Vertex())
            vertex.name, vertex.inputs = reported.name, tuple(reported.inputs)
            if reported.HasField("started") and not vertex.began:
                vertex.began = True
                yield self._event("began", reported.digest)
        for log in response.logs:
            yield from self._lines(log)
        for item in response.statuses:
            yield self._event(
                "progress", item.vertex, text=item.name or item.ID, current=item.current, total=item.total
            )
        for warning in response.warnings:
            yield self._event("warning", warning.vertex, text=warning.short.decode(errors="replace"))
        for reported in response.vertexes:
            vertex = self._vertices[reported.digest]
            if (reported.HasField("completed") or reported.error) and not vertex.done:
                vertex.done = True
                yield from self._rest(reported.digest)
                if reported.error:
                    vertex.error = reported.error
                    self._failed.append(reported.digest)
                    yield self._event("failed", reported.digest, text=reported.error)
                else:
                    yield self._event("cached" if reported.cached else "ended", reported.digest)

    def end(self) -> Iterator[Event]:
        """Yield what is left: lines without an end."""
        for digest in self._vertices:
            yield from self._rest(digest)

    @property
    def failed(self) -> tuple[str, str, tuple[str, ...]] | None:
        """Name, error and last lines of the step that failed first by itself: others are ended because of it."""
        found = [self._vertices[digest] for digest in self._failed]
        for vertex in [one for one in found if "context canceled" not in one.error] or found:
            return vertex.name, vertex.error, tuple(vertex.lines)
        return None

    def _lines(self, log: control.VertexLog) -> Iterator[Event]:
        vertex = self._vertices.setdefault(log.vertex, _Vertex())
        *whole, tail = (vertex.tails.get(log.stream, b"") + log.msg).split(b"\n")
        vertex.tails[log.stream] = tail
        for line in whole:
            yield self._line(log.vertex, log.stream, line)

    def _rest(self, digest: str) -> Iterator[Event]:
        tails = self._vertices[digest].tails
        for stream, tail in sorted(tails.items()):
            if tail:
                yield self._line(digest, stream, tail)
        tails.clear()

    def _line(self, digest: str, stream: int, line: bytes) -> Event:
        # A progress bar overwrites itself: its last state is what a terminal would show.
        text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        self._vertices[digest].lines.append(text)
        return self._event("line", digest, text=text, stream=stream)

    def _event(
        self, kind: Kind, digest: str, *, text: str = "", stream: int = 0, current: int = 0, total: int = 0
    ) -> Event:
        vertex = self._vertices.setdefault(digest, _Vertex())
        return Event(kind, digest, vertex.name, text, stream, current, total, vertex.inputs)


class StatusFollower:
    """Passes the events of `build` to `watch` as they come, in a thread of its own.

    What `watch` raises ends the build, and `stop` raises it again.
    """

    def __init__(self, calls: Calls, build: str, watch: Watch, solving: Future[control.SolveResponse]) -> None:
        self._calls, self._build, self._watch, self._solving = calls, build, watch, solving
        self._reader = StatusReader()
        self._stopped = threading.Event()
        self._known = False
        self._call: Any = None
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name="buildkit-status", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> tuple[str, str, tuple[str, ...]] | None:
        """Name, error and last lines of the step that failed."""
        return self._reader.failed

    def stop(self, seconds: float, first: float | None = None) -> None:
        """Wait at most `seconds` for the last event, which comes when every step has stopped.

        With `first`, wait only so long for the first event: there is none when the daemon refused the build.
        """
        if first is not None:
            self._thread.join(first)
        if first is None or self._known:
            self._thread.join(seconds)
        self.cancel()
        if self._raised is not None:
            raise self._raised

    def cancel(self) -> None:
        """Stop following."""
        self._stopped.set()
        if self._call is not None:
            self._call.cancel()
        # Where the daemon died at the wrong moment, gRPC reports the end of a cancelled call only with its channel's.
        self._thread.join(_END_SECONDS)

    def _follow(self) -> None:
        try:
            while not self._stopped.is_set():
                if self._read():
                    break
                # The build has not begun yet, or ended before its status was requested.
                if self._solving.done() or self._stopped.wait(_RETRY_SECONDS):
                    break
            for event in self._reader.end():
                self._watch(event)
        except BaseException as error:
            self._raised = error
            self._solving.cancel()

    def _read(self) -> bool:
        """Pass on all events; return whether the daemon knew the build."""
        try:
            for response in self._responses():
                self._known = True
                for event in self._reader.read(response):
                    self._watch(event)
        except grpc.RpcError as error:
            # The Solve reports how the build ended; a daemon that is gone ends that too.
            return self._known or "no such job" not in (error.details() or "")
        return True

    def _responses(self) -> Iterator[control.StatusResponse]:
        request = control.StatusRequest(Ref=self._build)
        self._call = self._calls.stream(f"{CONTROL}/Status", request, control.StatusResponse)
        if self._stopped.is_set():
            self._call.cancel()
        yield from self._call
