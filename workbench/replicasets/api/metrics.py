"""Numbers for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

import threading
from collections import Counter

from workbench.replicasets.api.lanes import Lanes
from workbench.replicasets.operations.info import Resources
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Others are counted as one: a client could otherwise make names without end.
_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")


class Requests:
    """Counts requests and the time they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, int]] = Counter()
        self._seconds = 0.0

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            self._counts[method if method in _METHODS else "other", status] += 1
            self._seconds += seconds

    def lines(self) -> list[str]:
        """Return the counts as lines."""
        with self._lock:
            name = "workbench_http_requests_total"
            found = [
                f'{name}{{method="{method}",status="{status}"}} {n}'
                for (method, status), n in sorted(self._counts.items())
            ]
            total = f"workbench_http_request_seconds_total {self._seconds:.6f}"
        return [
            *_head(name, "counter", "Requests answered."),
            *found,
            *_head("workbench_http_request_seconds_total", "counter", "Time spent on all requests."),
            total,
        ]


def metrics(service: ReplicaSets, requests: Requests, lanes: Lanes) -> str:
    """Return all numbers; raises a ReplicaSetError when engine specs or store cannot be read."""
    sets, resources = service.sets(), service.resources()
    found = service.reconciled
    problems = len(found.problems) if found else 0
    lines = _head("workbench_problems", "gauge", "What could not be settled, started or removed.")
    lines += [f"workbench_problems {problems}"]
    lines += _head("workbench_sets", "gauge", "Replica sets by what they are doing.")
    lines += [f'workbench_sets{{state="{state}"}} {sum(each.state is state for each in sets)}' for state in State]
    for name, total, used, what in _use(resources):
        lines += [*_head(f"workbench_{name}", "gauge", f"{what} of this machine."), f"workbench_{name} {total:g}"]
        lines += [*_head(f"workbench_{name}_used", "gauge", f"{what} given out."), f"workbench_{name}_used {used:g}"]
    waiting = len(service.queue().places)
    lines += [
        *_head("workbench_gpus_awaited", "gauge", "Sets that wait for GPUs."),
        f"workbench_gpus_awaited {waiting}",
    ]
    lines += [*_head("workbench_volumes", "gauge", "Volumes."), f"workbench_volumes {len(service.volumes())}"]
    return "\n".join(lines + requests.lines() + _lanes(lanes)) + "\n"


def _lanes(lanes: Lanes) -> list[str]:
    lines = []
    names = ("workbench_requests_served", "workbench_requests_waiting")
    for at, (name, what) in enumerate(zip(names, ("being served", "waiting for their turn"), strict=True)):
        lines += _head(name, "gauge", f"Requests {what}, by kind.")
        lines += [f'{name}{{kind="{kind}"}} {counts[at]}' for kind, counts in lanes.counts().items()]
    return lines


def _use(found: Resources) -> list[tuple[str, float, float, str]]:
    ports = found.last_port - found.first_port + 1
    return [
        ("gpus", len(found.gpus), len(found.of("gpu")), "GPUs"),
        ("ports", ports, len(found.of("port")), "Ports"),
        ("cpus", found.cpus / 1000, found.cpus_used / 1000, "CPUs"),
        ("memory_bytes", found.memory, found.memory_used, "Bytes of memory"),
    ]


def _head(name: str, kind: str, help_: str) -> list[str]:
    return [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]
