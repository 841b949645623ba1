"""What a Pod wrote. Kubernetes returns both streams as one, by lines that the kubelet ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from workbench.replicasets.engines.kubernetes.http import KubernetesHttp, Stream


class KubernetesLogs:
    """Returns what a Pod wrote, for as long as there is the Pod; of one that is gone nothing is left."""

    def __init__(self, http: KubernetesHttp) -> None:
        self._http = http

    def last_lines(self, name: str, count: int) -> list[str]:
        """Return what it wrote last, at most so many lines."""
        text = b"".join(piece for _, piece in self.logs(name, tail=count)).decode(errors="replace")
        return [line.rstrip("\r") for line in text.split("\n") if line][-count:]

    def logs(self, name: str, *, tail: int, since: float = 0.0, follow: bool = False) -> KubernetesLog:
        """Return its last `tail` lines, and what it writes next; `name` may be a name or an id."""
        query: dict[str, str | int | bool] = {"tailLines": tail, "follow": follow}
        if since:
            query["sinceTime"] = datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        pod = name.partition("/")[0]
        return KubernetesLog(self._http.stream(f"/pods/{pod}/log", query, None if follow else 60.0))


class KubernetesLog:
    """See LogStream: all of it is of stream 1."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1, bytes), oldest first."""
        for piece in self._stream:
            if piece:
                yield 1, piece

    def close(self) -> None:
        """Have the iteration end, from any thread."""
        self._stream.close()
