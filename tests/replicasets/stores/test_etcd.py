"""etcd gone for a while, and empty when it is back."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.engine import search_path
from tests.replicasets.conftest import Etcd
from tests.replicasets.fakes import IMAGE, FakeEngine, service
from workbench.replicasets.errors import StoreError
from workbench.replicasets.requests import PatchRequest, RunRequest
from workbench.replicasets.stores.opening import open_store


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Etcd]:
    """An etcd that a test may end."""
    if shutil.which("etcd", path=search_path()) is None:
        pytest.skip("etcd-server not installed")
    server = Etcd(tmp_path / "etcd")
    server.folder.mkdir()
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_etcd_is_gone_and_comes_back(own: Etcd, tmp_path: Path) -> None:
    engine = FakeEngine()
    store = open_store(own.address, f"t{uuid.uuid4().hex}")
    rs = service(tmp_path, engine, store)
    rs.run(RunRequest(IMAGE, "foo", gpus=2, ports=["80"]))
    engine.write("foo-1", "/v", "1")
    original = engine.create.__func__  # type: ignore[attr-defined]

    def create(spec: object) -> str:
        # It goes while a patch is at work, between two records.
        own.kill()
        return str(original(engine, spec))

    engine.create = create  # type: ignore[method-assign]
    with pytest.raises(StoreError) as error:
        rs.patch("foo", PatchRequest(gpus=3))
    assert error.value.where == own.address and "is it running" in error.value.hint
    for operation in (lambda: rs.info("foo"), lambda: rs.stop("foo"), rs.reconcile, rs.check):
        with pytest.raises(StoreError):
            operation()
    del engine.create
    own.start()
    # Nothing else is needed: the next operation finds what was interrupted.
    assert rs.patch("foo", PatchRequest(gpus=4)).number == 2
    assert engine.disk("foo-2")["/v"] == "1"
    assert sorted(engine.standing) == ["foo-1", "foo-2"]
    assert len(rs.resources().of("gpu")) == 4
    store.close()


def test_etcd_comes_back_empty(own: Etcd, tmp_path: Path) -> None:
    engine = FakeEngine()
    store = open_store(own.address, "test")
    rs = service(tmp_path, engine, store)
    rs.run(RunRequest(IMAGE, "foo", gpus=2, ports=["80"]))
    rs.patch("foo", PatchRequest(gpus=1))
    before = rs.info("foo"), rs.history("foo"), rs.resources().of("gpu")
    own.kill()
    shutil.rmtree(own.folder / "data")
    own.start()
    assert (rs.info("foo"), rs.history("foo"), rs.resources().of("gpu")) == before
    store.close()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [(404, b"no such page", "no such page"), (200, b"hello", "Expecting value"), (200, b"[]", "[]"), (503, b"", "503")],
)
def test_what_answers_is_no_etcd(status: int, body: bytes, reason: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        store = open_store(f"etcd://127.0.0.1:{server.server_port}", "test")
        with pytest.raises(StoreError) as error:
            store.get("a")
        assert error.value.message.startswith("etcd does not answer as it should: ") and reason in error.value.message
        store.close()
        server.shutdown()
