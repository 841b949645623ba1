"""What a service on Kubernetes does, on the quick tests' API server, and on a real control plane."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.replicasets.engines.kubernetes.node import IMAGE, NEWER, PULL, Node
from workbench.replicasets.errors import Conflict, EngineError, Exhausted, Invalid, NotFound, Unsupported
from workbench.replicasets.requests import LogsRequest, PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Bind, State

Read = Callable[[str], list[dict[str, Any]]]


def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def versions(rs: ReplicaSets, read: Read, another: Callable[[], ReplicaSets]) -> None:
    """A set from its first version to its end, and what a service with an empty store finds of it."""
    rs.create_volume("data", "1GB")
    request = RunRequest(IMAGE, "foo", gpus=1, env=["KEY=a$(HOME)"], binds=[Bind("data", "/data")], ports=["8888"])
    assert rs.run(request).gpus == ("0",)
    assert (rs.info("foo").live, rs.info("foo").set.state) == ("running", State.RUNNING)
    assert rs.address("foo").host.startswith("foo.") and rs.address("foo").port == 8888
    assert len(read("secrets")) == 1
    assert "a$(HOME)" not in repr([read(kind) for kind in ("podtemplates", "pods")]), "who may read Pods reads secrets"

    with pytest.raises(Invalid, match="the image to go on with is missing"):
        rs.upgrade("foo", UpgradeRequest())
    second = rs.patch("foo", PatchRequest(memory="64MB", ports=["8888", "53/udp"]))
    assert (second.number, second.notes) == (2, (rs.engine_notes().afresh,))
    (service,) = (each for each in read("services") if each["metadata"]["name"] == "foo")
    assert [each["port"] for each in service["spec"]["ports"]] == [8888, 53]
    third = rs.upgrade("foo", UpgradeRequest(NEWER)).version
    assert third is not None and (third.image, third.notes) == (NEWER, (rs.engine_notes().afresh,))
    fourth = rs.rollback("foo", 1)
    assert (fourth.number, fourth.memory, fourth.origin, len(fourth.ports)) == (4, 0, 1, 1)
    until(lambda: [_main(each) for each in read("pods")] == [("foo-4", IMAGE)])

    rs.stop("foo")
    assert rs.info("foo").live == "exited" and rs.resources().of("gpu") == {}
    with pytest.raises(EngineError, match="foo-4 has no Pod any more"):
        until(lambda: [*rs.logs("foo", LogsRequest())] and False)
    rs.restart("foo")

    # The truth is in the labels: of a store that is lost nothing is.
    found = another()
    assert any("foo: version 5, running" in each for each in found.reconcile())
    assert [each.number for each in found.history("foo")] == [5, 4, 3, 2, 1]
    assert found.info("foo").version.env == ("KEY=a$(HOME)",)
    assert found.volume("data").size == 1 << 30
    assert set(found.resources().of("gpu")) == {"0"} and found.resources().of("port") == {}
    found.close()

    with pytest.raises(Conflict, match="data is bound by foo"):
        rs.delete_volume("data")
    rs.delete("foo")
    rs.delete_volume("data")
    assert rs.reconcile() == []
    kinds = ("podtemplates", "persistentvolumeclaims", "configmaps", "secrets", "services")
    until(lambda: [each for kind in kinds for each in read(kind)] == [])


def _main(pod: Any) -> tuple[str, str]:  # noqa: ANN401  as the cluster has it
    return pod["metadata"]["name"], pod["spec"]["containers"][0]["image"]


def options(rs: ReplicaSets, read: Read) -> None:
    """What changes without a next version is recorded, where labels of a container cannot change."""
    rs.run(RunRequest(IMAGE, "foo"))
    assert rs.patch("foo", PatchRequest(grace=3, restart="always")).number == 1
    assert len(read("configmaps")) == 1
    assert rs.patch("foo", PatchRequest(cpus=1)).number == 2
    rs.delete("foo")
    assert read("configmaps") == []


def refusals(rs: ReplicaSets) -> None:
    """What podman has and Kubernetes has not is refused, with the reason, before anything is changed."""
    with pytest.raises(Invalid, match="volumes of this engine have a size"):
        rs.create_volume("data")
    rs.create_volume("data", "2GB")
    with pytest.raises(Unsupported, match="cannot be made smaller"):
        rs.resize_volume("data", "1MB")
    rs.run(RunRequest(IMAGE, "foo"))
    for operate in (
        lambda: rs.pause("foo"),
        lambda: rs.commit("foo", "mine:1"),
        lambda: rs.compare("foo", 1, 2),
        lambda: rs.files("foo", "/etc"),
    ):
        with pytest.raises(Unsupported, match=r"^this engine cannot [^:]+: .+"):
            operate()
    with pytest.raises(NotFound, match="no image localhost/other:1"):
        rs.run(RunRequest("localhost/other:1", "bar"))
    with pytest.raises(EngineError, match="B_ar cannot be a name in the cluster"):
        rs.run(RunRequest(IMAGE, "B_ar"))
    with pytest.raises(Exhausted, match="3 GPUs were requested, and 2 of 2 are available"):
        rs.run(RunRequest(IMAGE, "bar", gpus=3))
    with pytest.raises(EngineError, match="bar-1 ended at once with code 1"):
        rs.run(RunRequest(IMAGE, "bar", command=["false"]))
    with pytest.raises(EngineError, match=f"bar-1 cannot be brought up: {PULL['reason']}: Back-off"):
        rs.run(RunRequest("quay.io/nobody/none:1", "bar"))
    assert [each.name for each in rs.sets()] == ["foo"]
    rs.delete("foo")
    rs.delete_volume("data")
    assert rs.reconcile() == []


def places(rs: ReplicaSets, node: Node) -> None:
    """What no node has a place for waits, with the cluster's words; what runs is not given up for that."""
    rs.run(RunRequest(IMAGE, "big", memory="900GB"))
    found = rs.info("big")
    assert (found.live, found.set.state) == ("unplaced", State.PENDING)
    assert found.set.waiting == "Unschedulable: 0/1 nodes are available: 1 Insufficient memory."
    assert rs.patch("big", PatchRequest(memory="1GB")).number == 2
    assert rs.info("big").set.state is State.RUNNING
    with pytest.raises(EngineError, match="there is no place for big-3: Unschedulable"):
        rs.patch("big", PatchRequest(memory="900GB"))
    assert (rs.info("big").version.number, rs.info("big").live) == (2, "running")
    rs.delete("big")


def ends(rs: ReplicaSets, put: Callable[[str, dict[str, object]], None], drop: Callable[[str], None]) -> None:
    """A Pod that is evicted, or removed past the service, has ended, and why is shown; its restart policy counts."""
    rs.run(RunRequest(IMAGE, "foo"))
    put("foo-1", {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."})
    until(lambda: rs.observe())
    ending = rs.info("foo").set.ending
    assert ending is not None
    assert (rs.info("foo").set.state, ending.code) == (State.EXITED, 137)
    assert ending.reason == "Evicted: The node was low on resource: memory."
    rs.restart("foo")
    rs.patch("foo", PatchRequest(restart="on-failure"))
    drop("foo-2")
    until(lambda: rs.observe())
    assert rs.info("foo").set.state is State.RESTARTING
    until(rs.start_again)
    assert (rs.info("foo").live, rs.info("foo").version.number) == ("running", 2)
    rs.delete("foo")


def watches(rs: ReplicaSets, put: Callable[[str, dict[str, object]], None]) -> None:
    """What becomes of Pods is reported as it happens."""
    rs.run(RunRequest(IMAGE, "foo"))
    changes, seen = rs.changes(), list[str]()
    assert changes is not None and next(changes) == ""
    thread = threading.Thread(target=lambda: seen.append(next(changes)), daemon=True)
    thread.start()
    time.sleep(0.3)
    put("foo-1", {"phase": "Failed", "reason": "Evicted"})
    thread.join(10)
    assert seen == ["foo-1"]
    rs.delete("foo")
