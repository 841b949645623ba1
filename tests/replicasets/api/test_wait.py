"""`rs wait` and its endpoint: what holds, what never will, and what is not so in time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import FOO, refused, send
from tests.replicasets.api.test_progress import during
from workbench.cli import main
from workbench.replicasets.operations.wait import Goal, closed_ports, outcome
from workbench.replicasets.values import Ending, Port, ReplicaSet, State, Version

HOLDS = {
    State.RUNNING: {Goal.RUNNING, Goal.READY},
    State.STOPPED: {Goal.STOPPED},
    State.EXITED: {Goal.STOPPED},
    State.GONE: {Goal.STOPPED},
}
WAITS = {
    (State.RUNNING, Goal.STOPPED),
    *((state, goal) for goal in Goal for state in (State.RESTARTING, State.PENDING)),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("goal", Goal)
def test_what_a_state_means(state: State, goal: Goal) -> None:
    ending = Ending("", 7) if state is State.EXITED else None
    found = outcome(ReplicaSet("foo", "id", "", 1, state, "op", ending), None, goal)
    holds = goal in HOLDS.get(state, ())
    assert (found.holds, found.never) == (holds, not holds and (state, goal) not in WAITS)
    assert bool(found.reason) != holds and ("code 7" in found.reason) == (state is State.EXITED and not holds)


def response(client: httpx.Client, query: str) -> tuple[bool, bool, str]:
    data = send(client, "GET", f"/replicaSet/foo/wait?{query}")
    return data["holds"], data["never"], data["reason"]


def test_waiting_by_the_api(client: httpx.Client, served: Served) -> None:
    assert refused(client, "GET", "/replicaSet/foo/wait") == (404, 1016)
    assert refused(client, "GET", "/replicaSet/foo/wait?for=lunch") == (422, 1000)
    with during(served, "create", client, "POST", "/replicaSet", {**FOO, "containerPorts": []}):
        assert response(client, "seconds=0.1") == (False, False, "foo is being run")
        with served.client("look") as reader:
            assert response(reader, "for=stopped&seconds=0")[:2] == (False, False)
    assert response(client, "seconds=20") == (True, False, "")
    assert response(client, "for=ready") == (True, False, "")
    # It is answered when it comes to that, not at the end of the time.
    begin = time.monotonic()
    stopping = threading.Timer(0.3, lambda: served.client().patch("/api/v1/replicaSet/foo/stop"))
    stopping.start()
    assert response(client, "for=stopped&seconds=60") == (True, False, "")
    assert 0.3 <= time.monotonic() - begin < 20
    stopping.join()
    assert response(client, "seconds=60") == (False, True, "foo is stopped, until `rs restart foo`")


def test_exit_codes_of_the_verb(
    client: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_ADDRESS", served.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.tokens["op"])

    def wait(*words: str) -> tuple[int, str]:
        return main(["rs", "wait", "foo", *words]), capsys.readouterr().out

    send(client, "POST", "/replicaSet", {**FOO, "containerPorts": []})
    assert wait("--for", "ready") == (0, "foo is ready\n")
    assert wait("--for", "stopped", "--timeout", "0.2") == (5, "not in 0.2 seconds: foo is running\n")
    send(client, "PATCH", "/replicaSet/foo/pause")
    code, text = wait("--json")
    assert code == 4 and json.loads(text)["never"]
    send(client, "DELETE", "/replicaSet/foo")
    assert wait() == (1, "")


def answering(answer: Callable[[socket.socket], None]) -> tuple[socket.socket, int]:
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            answer(listening.accept()[0])
        except OSError:
            pass  # the test is over

    threading.Thread(target=serve, daemon=True).start()
    return listening, int(listening.getsockname()[1])


def test_ports_at_which_something_answers() -> None:
    held: list[socket.socket] = []
    made = [
        answering(held.append),
        answering(lambda found: held.append(found) if found.send(b"SSH-2.0") else None),
        # What forwards ports, with nobody inside.
        answering(lambda found: found.close()),
        answering(lambda found: None),
    ]
    made[3][0].close()
    ports = tuple(Port(inside, port) for inside, (_, port) in enumerate(made, 1))
    version = Version("foo", "id", 1, "", "image", ports=(*ports, Port(53, made[3][1], "udp")))
    assert closed_ports(version, "127.0.0.1") == [3, 4]
    for each in (*held, *(listening for listening, _ in made)):
        each.close()
