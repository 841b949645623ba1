"""The service's responses about long histories, over HTTP, in both stores."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.engine import TINY, Engine, free_port, search_path, wait_for
from workbench.replicasets.records import put_set, put_version
from workbench.replicasets.stores.opening import open_store
from workbench.replicasets.stores.protocol import StateStore
from workbench.replicasets.values import ReplicaSet, Version

_WIZARD = Path(__file__).parent.parent / "wizard.py"
_COUNTS = (10, 1_000, 10_000)
_SECONDS = 2.0


def history(engine: Engine) -> None:
    """Looking at a set with a long history, one client after another request, in both stores."""
    print("looking at a set through the API, one client: requests a second, 99th percentile")
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder, _etcd(folder) as etcd:
        if not etcd:
            print("  etcd-server is not installed: no rows for it")
        for name, address in {"sqlite": f"{folder}/store.db", "etcd": etcd}.items():
            if address:
                store = open_store(address, "workbench")
                for count in _COUNTS:
                    _fill(store, f"set{count}", count)
                store.close()
                with serving(engine, f"{folder}/{name}", "--store", address) as client:
                    for count in _COUNTS:
                        for what, path in (("info", ""), ("history, 20", "/history?limit=20"), ("all", "/history")):
                            rate, worst = _rate(client, f"/set{count}{path}")
                            print(f"  {name:<7} {count:6d} versions  {what:<11} {rate:8.0f}/s  {worst * 1000:8.2f} ms")


@contextmanager
def serving(engine: Engine, state: str, *flags: str) -> Iterator[httpx.Client]:
    """Yield a client of a service on that podman, with its state in the folder `state`."""
    first = free_port()
    command = [sys.executable, str(_WIZARD), "serve", "--port", "0", "--state", state, *flags]
    command += ["--engine", f"unix://{engine.folder}/podman.sock", "--ports", f"{first}-{min(first + 100, 65535)}"]
    environment = {**os.environ, **engine.env}
    service = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert service.stdout is not None
    try:
        address = service.stdout.readline().strip()
        token = Path(state, "operate.token").read_text().strip()
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=600) as client:
            yield client
    finally:
        service.terminate()
        service.wait()
        service.stdout.close()


def request(client: httpx.Client, method: str, path: str, body: object = None) -> None:
    """Send a request; raises HTTPStatusError when it fails."""
    client.request(method, f"/api/v1/replicaSet{path}", json=body).raise_for_status()


def _rate(client: httpx.Client, path: str) -> tuple[float, float]:
    request(client, "GET", path)
    times: list[float] = []
    while sum(times) < _SECONDS or len(times) < 10:
        before = time.perf_counter()
        request(client, "GET", path)
        times.append(time.perf_counter() - before)
    times.sort()
    return len(times) / sum(times), times[int(len(times) * 0.99)]


def _fill(store: StateStore, name: str, count: int) -> None:
    set_id = uuid.uuid4().hex
    store.commit(put_set(ReplicaSet(name, set_id, "2026-11-22T00:00:00+00:00", count)))
    for start in range(1, count + 1, 100):
        changes = put_version(Version(name, set_id, start, "2026-11-22T00:00:00+00:00", TINY))
        for number in range(start + 1, min(start + 100, count + 1)):
            changes |= put_version(Version(name, set_id, number, "2026-11-22T00:00:00+00:00", TINY, ("GPU-0",)))
        store.commit(changes)


@contextmanager
def _etcd(folder: str) -> Iterator[str]:
    if shutil.which("etcd", path=search_path()) is None:
        yield ""
        return
    client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = ["etcd", "--name=n1", f"--data-dir={folder}/etcd", f"--initial-cluster=n1={peer}"]
    command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
    command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
    path = {**os.environ, "PATH": search_path()}
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=path)
    try:
        wait_for(f"{client}/health", 30)
        yield client.replace("http", "etcd")
    finally:
        server.kill()
        server.wait()
