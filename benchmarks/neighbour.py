"""Filling a node from what another one published against the package index; verify against reading every byte once."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.monobase import SET, cache_folder, filled, locks_of, python_of
from workbench.monobase.mirror import MirrorAddress
from workbench.monobase.mirrors import Mirrors
from workbench.monobase.prefix import Prefix
from workbench.monobase.publish import publish
from workbench.monobase.sizes import measure
from workbench.monobase.store import FileStore
from workbench.monobase.uv import find_uv
from workbench.monobase.verify import verify

_MIB = 2**20


def neighbour() -> None:
    """Filling from a neighbour against the index, and verify against reading (8 GB for a while; downloads it all)."""
    root = cache_folder()
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="neighbour-", dir=root))
    try:
        _measure(work)
    finally:
        shutil.rmtree(work)


def _measure(work: Path) -> None:
    chosen = tomllib.loads(SET.read_text())
    jobs = os.cpu_count() or 1
    pythons = {minor: python_of(minor) for minor in chosen["pythons"]}
    resolver = find_uv(Prefix.at(str(work)))
    locks = locks_of(work / "locks", resolver, pythons, chosen, lambda line: line)

    def node(name: str, mirrors: Mirrors | None = None) -> tuple[Prefix, float]:
        """Fill a prefix with nothing in any cache; from mirrors alone when there are some."""
        prefix = Prefix.at(str(work / name))
        uv = find_uv(prefix, offline=mirrors is not None)
        return prefix, _timed(lambda: filled(prefix, uv, pythons, 1, locks, jobs, mirrors))

    first, index = node("first")
    size = measure(first).total / _MIB
    mirror = work / "mirror"
    began = time.monotonic()
    digest = publish(first, str(mirror), lambda _: True, jobs=jobs).digest
    packing = time.monotonic() - began
    print(f"one generation of {len(locks)} environments, {size:,.0f} MiB on the disk, nothing cached ({jobs} jobs)")
    print(f"  {'from':<34}{'s':>8}{'of the index':>14}{'MiB sent':>10}")
    print(f"  {'the package index':<34}{index:8.1f}{1:13.2f}x")
    with _served(mirror) as url:
        for title, location in (("a shared folder", str(mirror)), ("an HTTP server of this machine", url)):
            mirrors = Mirrors([MirrorAddress(location, digest)])
            prefix, seconds = node("node", mirrors)
            (use,) = mirrors.uses()
            print(f"  {title:<34}{seconds:8.1f}{seconds / index:13.2f}x{use.bytes / _MIB:10,.0f}")
            shutil.rmtree(prefix.root)
    print(f"  (publishing it: {packing:.1f} s, once. The index is not queried with a mirror: offline, 0 bytes)")

    paths = [FileStore(first).path(entry) for entry in FileStore(first).entries()]
    reading = _timed(lambda: _read(paths, jobs))
    print(f"verify of {len(paths):,} stored files, all in the page cache (s)")
    for title, seconds in (
        ("reading every byte once", reading),
        ("verify", _timed(lambda: verify(first, jobs=jobs))),
        ("verify --quick", _timed(lambda: verify(first, quick=True, jobs=jobs))),
    ):
        print(f"  {title:<34}{seconds:8.2f}{seconds / reading:13.2f}x")


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _read(paths: list[str], jobs: int) -> None:
    with ThreadPoolExecutor(jobs) as threads:
        for _ in threads.map(lambda path: len(Path(path).read_bytes()), paths):
            pass


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
