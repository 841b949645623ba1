"""Faults of the cluster: connections that end, servers that cannot answer, rights that lack, others' objects."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.replicasets.engines.kubernetes.api_server import LOST, LOST_AFTER
from tests.replicasets.engines.kubernetes.conftest import World
from tests.replicasets.engines.kubernetes.killed import OPERATIONS
from tests.replicasets.engines.kubernetes.node import IMAGE
from tests.replicasets.engines.kubernetes.whole import check_whole
from workbench.replicasets.engines.kubernetes import versions
from workbench.replicasets.engines.kubernetes.access import find_access
from workbench.replicasets.errors import EngineError, EngineGone, Invalid, ReplicaSetError
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import State

# Each takes five to ten seconds; what was done and not answered is the harder half.
LOSSES = [
    pytest.param(
        operation, how, marks=pytest.mark.thorough if how == LOST_AFTER and operation != "stop" else pytest.mark.slow
    )
    for operation in ("run", "patch", "stop", "delete")
    for how in (LOST, LOST_AFTER)
]


@pytest.mark.parametrize(("operation", "how"), LOSSES)
def test_a_connection_lost_at_any_request(world: World, operation: str, how: int) -> None:
    """The operation has taken place, or it has not; nothing is left of it, and nothing is there twice."""
    server, rs = world.server, world.rs
    failures = 0
    for at in itertools.count(1):
        if not any(each.name == "foo" for each in rs.sets()):
            rs.run(RunRequest(IMAGE, "foo", gpus=1))
        begin = len(server.requests)
        server.fault = lambda method, path, last=begin + at: how if len(server.requests) == last else None  # type: ignore[misc]
        try:
            OPERATIONS[operation](rs)
        except ReplicaSetError:
            failures += 1
        is_over = len(server.requests) - begin < at
        server.fault = lambda method, path: None
        rs.reconcile()
        check_whole(world)
        if is_over:
            break
        for each in rs.sets():
            if each.name == "bar":
                rs.delete("bar")
            elif each.state is not State.RUNNING:
                rs.restart("foo")
    assert failures > 3


def test_a_server_that_cannot_answer_is_not_one_that_refuses(world: World) -> None:
    world.server.refusal = "etcdserver: request timed out"
    for status in (500, 503, 429, 504):
        world.server.fault = lambda method, path, status=status: status  # type: ignore[misc]
        with pytest.raises(EngineGone, match="the cluster cannot answer now: etcdserver"):
            world.engine.check()
    world.server.fault = lambda method, path: 403
    # A right that lacks, and what admission forbids whoever has it.
    for refusal, hint in (('is forbidden: User "me" cannot list resource', "rights"), ("exceeded quota: one", "")):
        world.server.refusal = refusal
        with pytest.raises(EngineError, match=f"the cluster refuses: {refusal}") as error:
            world.engine.check()
        assert error.value.status == 403 and hint in error.value.hint and bool(hint) == bool(error.value.hint)


def test_a_preflight_says_which_right_lacks(world: World) -> None:
    assert [each.line for each in world.rs.preflight()] == ["this engine can be used"]
    world.server.refusal, world.server.fault = 'User "me" cannot list resource', lambda method, path: 403
    (found,) = world.rs.preflight()
    assert found.essential and 'cannot be used: the cluster refuses: User "me" cannot list' in found.line


def test_without_the_right_to_list_nodes_there_are_no_gpus(world: World) -> None:
    world.server.fault = lambda method, path: 403 if path.endswith("/nodes") else None
    world.rs.check()
    assert world.rs.gpus() == ()
    with pytest.raises(ReplicaSetError, match="no image"):
        world.rs.run(RunRequest(IMAGE, "foo"))


def test_a_watch_of_what_is_no_longer_known_ends(world: World) -> None:
    """The status 410 comes as an event: whoever follows looks at all once more."""
    world.server.expired = True
    assert list(world.engine.changes()) == [""]


def test_a_node_that_does_not_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs on a lost node may run on: the set is not taken to be stopped, until the node says so."""
    world.rs.run(RunRequest(IMAGE, "foo"))
    monkeypatch.setattr(versions, "_END_SECONDS", 0.2)
    world.node.ends_pods = False
    with pytest.raises(EngineGone, match="the node one has not reported that foo-1 ended"):
        world.rs.stop("foo", grace=0)
    assert world.rs.info("foo").live == "running"
    world.node.ends_pods = True
    world.rs.reconcile()
    assert world.rs.info("foo").set.state is State.STOPPED


@pytest.mark.parametrize("kind", ["services", "pods", "secrets"])
def test_objects_of_others_stay(world: World, kind: str) -> None:
    name = "foo" if kind == "services" else "foo-1"
    theirs = {"metadata": {"name": name, "uid": "theirs", "labels": {}}, "spec": {"nodeName": "x"}, "status": {}}
    world.server.objects[kind] = {name: theirs}
    with pytest.raises(EngineError, match=f"{name} that is not ours|already exists"):
        world.rs.run(RunRequest(IMAGE, "foo", ports=["80"]))
    assert world.server.objects[kind] == {name: theirs}
    assert world.rs.sets() == [] and world.server.objects.get("podtemplates", {}) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a kubeconfig"),
        ("[]", "not a kubeconfig"),
        ("current-context: none\ncontexts: []", "not a kubeconfig"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Invalid, match=message) as error:
        find_access(str(file), "")
    assert error.value.where == str(file)


def test_a_way_in_that_is_not_done_is_named(world: World) -> None:
    file = Path(world.kubeconfig)
    file.write_text(file.read_text().replace('"token": "t0ken"', '"auth-provider": {"name": "gcp"}'))
    with pytest.raises(Invalid, match="let in by auth-provider, which this program does not do"):
        find_access(world.kubeconfig, "")
    file.write_text(file.read_text().replace("https://", "http://").replace('"auth-provider"', '"other"'))
    with pytest.raises(Invalid, match="no https address"):
        find_access(world.kubeconfig, "")
