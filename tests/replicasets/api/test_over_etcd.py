"""The service with its truth in etcd: the endpoints do as they do otherwise, and etcd may go and come."""

from __future__ import annotations

import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.engine import SHORT, search_path
from tests.replicasets import truth
from tests.replicasets.api.conftest import Served, until

# Collected here once more, for the store is another one here.
from tests.replicasets.api.test_endpoints import (  # noqa: F401
    FOO,
    NEW,
    refused,
    send,
    test_a_patch_of_everything,
    test_a_set_from_run_to_delete,
    test_an_engine_that_fails_is_no_bug,
    test_fifty_clients_get_eight_gpus_once_each,
    test_volumes,
)
from tests.replicasets.conftest import Etcd
from workbench.replicasets.engines.protocol import ContainerSpec
from workbench.replicasets.stores.opening import open_store
from workbench.replicasets.stores.protocol import StateStore

BEGIN = {"/etc/passwd": "root"}


@pytest.fixture(scope="module")
def own() -> Iterator[Etcd]:
    """An etcd that these tests may end."""
    if shutil.which("etcd", path=search_path()) is None:
        pytest.skip("etcd-server not installed")
    server = Etcd(Path(tempfile.mkdtemp(prefix="workbench-etcd-", dir=SHORT)))
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.folder)


@pytest.fixture
def kept(own: Etcd) -> Iterator[StateStore]:
    store = open_store(own.address, f"t{uuid.uuid4().hex}")
    yield store
    store.close()


def away(client: httpx.Client, own: Etcd) -> None:
    """Whatever is asked, the answer is that etcd is away, and where."""
    for method, path, body in (
        ("GET", "/replicaSet/foo", None),
        ("GET", "/replicaSet/foo/history", None),
        ("PATCH", "/replicaSet/foo/stop", None),
        ("POST", "/replicaSet", NEW),
        ("DELETE", "/replicaSet/foo", None),
        ("POST", "/volumes", {"name": "bar"}),
    ):
        response = client.request(method, f"/api/v1{path}", json=body)
        said = response.json()
        assert (response.status_code, said["data"]) == (503, None), said
        assert "etcd" in said["msg"] and said["hint"], said
    until(lambda: client.get("/readyz").status_code == 503)
    assert client.get("/healthz").status_code == 200


def test_etcd_is_ended_in_the_middle_of_a_patch(
    client: httpx.Client, served: Served, own: Etcd, kept: StateStore
) -> None:
    send(client, "POST", "/replicaSet", FOO)
    served.engine.write("foo-1", "/v", "1")
    original = served.engine.create

    def create(spec: ContainerSpec) -> str:
        own.kill()
        return str(original(spec))

    served.engine.create = create  # type: ignore[method-assign]
    assert refused(client, "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 3}}) == (503, 1007)
    served.engine.create = original  # type: ignore[method-assign]
    away(client, own)
    assert served.engine.disk("foo-1")["/v"] == "1"
    own.start()
    # Nobody tells it that etcd is back.
    assert send(client, "PATCH", "/replicaSet/foo", {"gpuPatch": {"gpuCount": 4}}) == {"containerName": "foo-2"}
    disk = {**BEGIN, "/v": "1"}
    truth.check(served.room, served.engine, kept, {"foo": {1: disk, 2: disk}}, "etcd is back")


@pytest.mark.thorough
def test_etcd_that_stands_still_holds_nobody_up_for_ever(
    client: httpx.Client, served: Served, own: Etcd, kept: StateStore
) -> None:
    send(client, "POST", "/replicaSet", FOO)
    assert own.process is not None
    own.process.send_signal(signal.SIGSTOP)
    try:
        response = client.patch("/api/v1/replicaSet/foo/pause")
        assert (response.status_code, response.json()["code"]) == (503, 1018)
        assert "etcd does not answer" in response.json()["msg"]
    finally:
        own.process.send_signal(signal.SIGCONT)
    # What it was asked while it stood still it may do now, and it is settled by who comes next.
    assert send(client, "PATCH", "/replicaSet/foo/pause") is None
    assert send(client, "GET", "/replicaSet/foo")["Info"]["live"] == "paused"
    truth.check(served.room, served.engine, kept, {"foo": {1: BEGIN}}, "etcd goes on")
