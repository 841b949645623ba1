"""The service's way to a set's IDE, beside the IDE's port itself: latency, throughput, WebSockets."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from tests.replicasets.api.proxy.conftest import ReachedEngine
from tests.replicasets.api.proxy.upstream import ide
from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, MemoryStore, service
from workbench.replicasets.api.proxy.places import Site
from workbench.replicasets.api.proxy.serving import Workbenches, serving
from workbench.replicasets.api.serving import listen
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller, Role

_SECONDS = 4.0
_BYTES = 64 << 20


def _upstream(ends: Connection) -> None:
    with ide() as found:
        ends.send(found.port)
        ends.recv()


def _gateway(ends: Connection, folder: str, port: int) -> None:
    room = service(Path(folder), ReachedEngine(Faults()), MemoryStore(Faults()), first_port=20000, last_port=20009)
    tokens = Tokens(f"{folder}/state")
    tokens.begin()
    plain = tokens.add("op", Role.OPERATE)
    room.run(RunRequest(IMAGE, "foo", ports=[str(port)]), Caller("op"))
    listening = listen("127.0.0.1", 0)
    number = listening.getsockname()[1]
    with serving(Workbenches(room, tokens, Site(number)), listening):
        ends.send((number, plain))
        ends.recv()


@contextmanager
def _process(work: Callable[..., None], *arguments: object) -> Iterator[object]:
    """Yield what a function sends first, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(_BYTES >> 20):
        yield bytes(1 << 20)


async def _requests(client: httpx.AsyncClient, clients: int) -> list[float]:
    """Return how long each response took, sorted."""
    times: list[float] = []
    until = time.perf_counter() + _SECONDS

    async def one() -> None:
        while (began := time.perf_counter()) < until:
            (await client.get("page")).raise_for_status()
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(one() for _ in range(clients)))
    return sorted(times)


async def _measured(address: str, headers: dict[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as client:
        for clients in (1, 20):
            times = await _requests(client, clients)
            found[f"a page, {clients} at once: median ms"] = statistics.median(times) * 1000
            found[f"a page, {clients} at once: 99th percentile ms"] = times[int(len(times) * 0.99)] * 1000
            found[f"a page, {clients} at once: s for 1,000"] = _SECONDS / len(times) * 1000
        began = time.perf_counter()
        async with client.stream("GET", "large") as response:
            async for _ in response.aiter_raw():
                pass
        found["download: s for 1 GB"] = (time.perf_counter() - began) * 16
        began = time.perf_counter()
        (await client.post("upload", content=_pieces())).raise_for_status()
        found["upload: s for 1 GB"] = (time.perf_counter() - began) * 16
    async with connect(f"{address.replace('http', 'ws', 1)}ws", additional_headers=headers, max_size=None) as socket:
        times = []
        for _ in range(1000):
            began = time.perf_counter()
            await socket.send("x" * 100)
            await socket.recv()
            times.append(time.perf_counter() - began)
        found["a WebSocket's echo: median ms"] = statistics.median(times) * 1000
    return found


def proxy() -> None:
    """A set's IDE through the service, beside its port itself: latency, throughput, WebSockets."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _process(_upstream) as port,
        _process(_gateway, folder, port) as found,
    ):
        assert isinstance(found, tuple)
        number, token = found
        headers = {"Authorization": f"Bearer {token}"}
        direct = asyncio.run(_measured(f"http://127.0.0.1:{port}/", {}))
        through = asyncio.run(_measured(f"http://127.0.0.1:{number}/s/foo/", headers))
    print(f"{'':<42} {'the port':>10} {'through':>10}")
    for name, value in direct.items():
        print(f"  {name:<40} {value:10.2f} {through[name]:10.2f}   {through[name] / value:5.2f} of the port")
