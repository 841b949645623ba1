"""What happens in a build, as the daemon tells it: which steps begin and end, and what they say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from workbench.images.buildkit.llb.pb import control_pb2 as control

Kind = Literal["began", "cached", "ended", "failed", "line", "progress", "warning"]
# How many lines of a failed step are kept for its error.
_KEPT_LINES = 40


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to the vertex `name` (its `digest` is its identity, `inputs` what it stands on).

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


class Reading:
    """Reads the answers of Status, each of which repeats what is known of a vertex, into events that do not."""

    def __init__(self) -> None:
        self._vertices: dict[str, _Vertex] = {}
        self._failed: list[str] = []

    def read(self, answer: control.StatusResponse) -> Iterator[Event]:
        """Yield what is new in `answer`, in the order in which it happened to each vertex."""
        for said in answer.vertexes:
            vertex = self._vertices.setdefault(said.digest, _Vertex())
            vertex.name, vertex.inputs = said.name, tuple(said.inputs)
            if said.HasField("started") and not vertex.began:
                vertex.began = True
                yield self._event("began", said.digest)
        for log in answer.logs:
            yield from self._lines(log)
        for item in answer.statuses:
            yield self._event(
                "progress", item.vertex, text=item.name or item.ID, current=item.current, total=item.total
            )
        for warning in answer.warnings:
            yield self._event("warning", warning.vertex, text=warning.short.decode(errors="replace"))
        for said in answer.vertexes:
            vertex = self._vertices[said.digest]
            if (said.HasField("completed") or said.error) and not vertex.done:
                vertex.done = True
                yield from self._rest(said.digest)
                if said.error:
                    vertex.error = said.error
                    self._failed.append(said.digest)
                    yield self._event("failed", said.digest, text=said.error)
                else:
                    yield self._event("cached" if said.cached else "ended", said.digest)

    def end(self) -> Iterator[Event]:
        """Yield what was left without an end of its line."""
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
        # What a bar writes over itself: its last state is what a terminal would show.
        text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        self._vertices[digest].lines.append(text)
        return self._event("line", digest, text=text, stream=stream)

    def _event(
        self, kind: Kind, digest: str, *, text: str = "", stream: int = 0, current: int = 0, total: int = 0
    ) -> Event:
        vertex = self._vertices.setdefault(digest, _Vertex())
        return Event(kind, digest, vertex.name, text, stream, current, total, vertex.inputs)
