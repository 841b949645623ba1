"""Whose network a set is on, on real podman: what a hostile set can reach."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.engine import TINY, need_root, search_path
from tests.replicasets.conftest import Podman
from workbench.replicasets.errors import NotFound
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

ANNA, BOB = Caller("anna"), Caller("Bob.B")
# Answers on two ports, of which one is requested as a port of the host.
SERVING = ("sh", "-c", "while true; do echo annas | nc -l -p 80; done & while true; do echo annas | nc -l -p 81; done")


def fetched(rs: ReplicaSets, name: str, address: str, port: int, caller: Caller) -> str:
    """What a set reads from a port."""
    script = f"nc -w 2 {address} {port} </dev/null 2>/dev/null"
    return rs.execute(name, ExecuteRequest(["sh", "-c", script], seconds=30), caller).stdout


def place(podman: Podman, container: str) -> tuple[str, str, str]:
    """The network that a container is on, its address, and the host's there."""
    ((name, network),) = json.loads(
        podman.engine("inspect", "--format", "{{json .NetworkSettings.Networks}}", container)
    ).items()
    return name, network["IPAddress"], network["Gateway"]


@pytest.mark.thorough
def test_no_set_reaches_one_of_another_owner(rs: ReplicaSets, podman: Podman) -> None:
    port = rs.run(RunRequest(TINY, "foo", command=SERVING, ports=["80"]), ANNA).ports[0].host
    rs.run(RunRequest(TINY, "own", command=("sleep", "1000")), ANNA)
    rs.run(RunRequest(TINY, "evil", command=("sleep", "1000")), BOB)
    annas, address, gateway = place(podman, "foo-1")
    bobs, _, bobs_gateway = place(podman, "evil-1")
    assert fetched(rs, "own", address, 81, ANNA) == "annas\n", "an owner's sets reach one another"
    for target, number in ((address, 80), (address, 81), (gateway, port), (bobs_gateway, port), ("127.0.0.1", port)):
        assert fetched(rs, "evil", target, number, BOB) == "", (target, number)
    assert place(podman, "own-1")[0] == annas != bobs
    # The last set of a third owner ends: podman's own rules then let everything through (netavark 1.4).
    rs.run(RunRequest(TINY, "last", command=("sleep", "1000")), Caller("carol"))
    rs.delete("last", Caller("carol"))
    assert fetched(rs, "own", address, 81, ANNA) == "annas\n"
    assert fetched(rs, "evil", address, 81, BOB) == "", "after the end of a third owner's last set"
    # After every way to a next version it is still so.
    rs.patch("foo", PatchRequest(ports=("80", "82")), ANNA)
    rs.stop("foo", ANNA)
    rs.restart("foo", ANNA)
    network, address, _ = place(podman, "foo-3")
    assert network == annas
    assert fetched(rs, "own", address, 81, ANNA) == "annas\n"
    assert fetched(rs, "evil", address, 81, BOB) == ""


@pytest.mark.thorough
def test_what_keeps_them_apart_is_put_right(rs: ReplicaSets, podman: Podman) -> None:
    need_root("a normal user's containers may have no bridges")
    rs.run(RunRequest(TINY, "foo", command=SERVING), ANNA)
    rs.run(RunRequest(TINY, "evil", command=("sleep", "1000")), BOB)
    _, address, _ = place(podman, "foo-1")
    bridges = [
        json.loads(podman.engine("network", "inspect", place(podman, name)[0]))[0] for name in ("foo-1", "evil-1")
    ]
    names = [each["network_interface"] for each in bridges]
    # As an administrator's own script for a firewall might do it.
    for rule in rules():
        if rule.startswith("-A WORKBENCH") and any(name in rule.split() for name in names):
            rules(*rule.replace("-A", "-D", 1).split())
    for rule in rules(table="filter"):
        if rule.startswith("-A NETAVARK_ISOLATION") and any(name in rule.split() for name in names):
            rules(*rule.replace("-A", "-D", 1).split(), table="filter")
    assert fetched(rs, "evil", address, 81, BOB) == "annas\n", "nothing keeps them apart"
    rs.reconcile()
    assert fetched(rs, "evil", address, 81, BOB) == ""
    for name, caller in (("foo", ANNA), ("evil", BOB)):
        rs.delete(name, caller)
    assert not [rule for rule in rules() if any(name in rule.split() for name in names)]


def rules(*change: str, table: str = "mangle") -> list[str]:
    """Return the rules of the machine's firewall, after a change."""
    command = ["iptables", "-w", "-t", table, *(change or ["-S"])]
    env = {**os.environ, "PATH": search_path()}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.splitlines()


def test_only_ports_that_were_requested_are_the_hosts(rs: ReplicaSets, podman: Podman) -> None:
    podman.engine("build", "--tag", "localhost/exposing:1", "-", stdin=f"FROM {TINY}\nEXPOSE 80 81\n".encode())
    rs.run(RunRequest("localhost/exposing:1", "foo", command=("sleep", "1000"), ports=["80"]), ANNA)
    bindings = json.loads(podman.engine("inspect", "--format", "{{json .HostConfig.PortBindings}}", "foo-1"))
    published = {name: [each["HostIp"] for each in bound] for name, bound in bindings.items() if bound}
    assert published == {"80/tcp": ["127.0.0.1"]}
    rs.patch("foo", PatchRequest(ports=()), ANNA)
    bindings = json.loads(podman.engine("inspect", "--format", "{{json .HostConfig.PortBindings}}", "foo-2"))
    assert not any(bindings.values())


def test_a_network_goes_with_its_owners_last_set(room: Callable[..., ReplicaSets], podman: Podman) -> None:
    rs = room()

    def networks() -> set[str]:
        return set(podman.engine("network", "ls", "--quiet", "--filter", "label=workbench.network").split())

    for name, caller in (("foo", ANNA), ("bar", ANNA), ("baz", BOB)):
        rs.run(RunRequest(TINY, name, command=("sleep", "1000")), caller)
    assert len(networks()) == 2
    rs.stop("bar", ANNA)
    rs.delete("foo", ANNA)
    rs.delete("baz", BOB)
    (left,) = networks()
    rs.restart("bar", ANNA)
    assert place(podman, "bar-2")[0] == left
    rs.delete("bar", ANNA)
    assert networks() == set()
    # One that an interrupted run left.
    podman.engine("network", "create", "--label", "workbench.network=gone", "left-behind")
    rs.reconcile()
    assert networks() == set()


@pytest.mark.thorough
def test_owners_who_come_and_go_at_once_have_their_networks(room: Callable[..., ReplicaSets]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rs = room()

    def one(number: int) -> None:
        for _ in range(4):
            rs.run(RunRequest(TINY, f"foo{number}", command=("sleep", "1000")), Caller(f"anna{number % 2}"))
            rs.delete(f"foo{number}", Caller(f"anna{number % 2}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    assert rs.sets() == []


@pytest.mark.thorough
@pytest.mark.parametrize("is_used", [False, True], ids=["stale", "anothers"])
def test_a_bridge_that_outlived_its_network_holds_no_set_up(is_used: bool, rs: ReplicaSets, podman: Podman) -> None:
    """What a podman leaves that is killed while it starts a container: its namespace, and so the bridge."""
    need_root("a normal user's bridges go with the last container")
    rs.run(RunRequest(TINY, "foo", command=SERVING), ANNA)
    network = place(podman, "foo-1")[0]
    bridge = json.loads(podman.engine("network", "inspect", network))[0]["network_interface"]
    rs.delete("foo", ANNA)
    namespace, number = f"workbench-test-{os.getpid()}", os.getpid() % 200
    address = f"10.177.{number}.1/24"
    of_links(
        f"ip link add {bridge} type bridge",
        f"ip addr add {address} dev {bridge}",
        f"ip link set {bridge} up",
        f"ip netns add {namespace}",
        f"ip link add wbtest{number} type veth peer name eth0 netns {namespace}",
        f"ip link set wbtest{number} master {bridge} up",
    )
    sleeping = subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", "sleep", "1000"]) if is_used else None
    try:
        port = rs.run(RunRequest(TINY, "foo", command=SERVING, ports=["80"]), ANNA).ports[0].host
        if is_used:
            assert address in of_links(f"ip addr show {bridge}"), "another podman's bridge was removed"
        else:
            assert read_from(port) == "annas\n"
            assert namespace not in of_links("ip netns list")
    finally:
        if sleeping is not None:
            sleeping.kill()
            sleeping.wait()
        with suppress(NotFound):
            rs.delete("foo", ANNA)
        with suppress(subprocess.CalledProcessError):
            of_links(f"ip netns delete {namespace}")
        with suppress(subprocess.CalledProcessError):
            of_links(f"ip link delete {bridge}")


def of_links(*commands: str) -> str:
    env = {**os.environ, "PATH": search_path()}
    return "".join(
        subprocess.run(each.split(), capture_output=True, text=True, check=True, env=env).stdout for each in commands
    )


def read_from(port: int) -> str:
    """What the machine reads from a port of its own, within 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as connection:
            if found := connection.recv(100).decode():
                return found
        time.sleep(0.1)
    return ""
