"""Programs with a client's input, by WebSocket: who gets one, how many, what ends them, and what the log says."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.replicasets.api.conftest import Served, until
from tests.replicasets.fake_programs import FakeAttached
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.api import attaching, terminals
from workbench.replicasets.api.attaching import WINDOW
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.engines.capabilities import Attaching, Terminal
from workbench.replicasets.operations.attach import SHELL
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller


@pytest.fixture(autouse=True)
def foo(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "_LOOK_SECONDS", 0.05)
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))


def opened(served: Served, who: str = "op", name: str = "foo", **headers: str) -> ClientConnection:
    address = served.address.replace("http", "ws", 1) + f"/api/v1/replicaSet/{name}/terminal"
    token = {"Authorization": f"Bearer {served.tokens[who]}"} if who else {}
    return connect(address, additional_headers=token | headers, compression=None, proxy=None)


@contextlib.contextmanager
def running(served: Served, *command: str, **more: Any) -> Iterator[tuple[ClientConnection, FakeAttached]]:  # noqa: ANN401
    with opened(served) as socket:
        socket.send(json.dumps({"cmd": command, **more}))
        assert json.loads(socket.recv(10)) == {"window": WINDOW}
        yield socket, served.engine.programs[-1]


def last(socket: ClientConnection) -> dict[str, Any]:
    """The last message of a session, after which it is closed."""
    found: dict[str, Any] = {}
    with contextlib.suppress(ConnectionClosed):
        while True:
            if isinstance(message := socket.recv(10), str):
                found = json.loads(message)
    return found


def ended(served: Served) -> list[str]:
    """What the log says of the ends of sessions."""
    return [line["what"]["ended"] for line in served.audit() if "ended" in line["what"]]


def refused(served: Served, *given: Any, **more: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
    with pytest.raises(InvalidStatus) as error, opened(served, *given, **more):
        pass
    return error.value.response.status_code, json.loads(error.value.response.body or b"")


def test_bytes_both_ways_and_the_end(served: Served) -> None:
    with running(served, "cat", workDir="/tmp") as (socket, program):
        assert (program.command, program.workdir, program.terminal) == (("cat",), "/tmp", None)
        torn = "ä".encode()
        for piece in (torn[:1], torn[1:]):
            socket.send(piece)
            assert {socket.recv(10), socket.recv(10)} == {b"\x01" + piece, '{"taken":1}'}
        socket.send('{"eof": true}')
        assert last(socket) == {"exitCode": 0}
    with running(served, "exit", "3") as (socket, _):
        assert socket.recv(10) == b"\x02ended\n"
        assert last(socket) == {"exitCode": 3}
    assert not any(program.killed for program in served.engine.programs)
    until(lambda: ended(served) == ["exit code 0", "exit code 3"])
    lines = [line for line in served.audit() if line["method"] == "WEBSOCKET"]
    assert [(line["who"], line["status"], line["what"]["program"]) for line in lines] == [
        *[("op", 101, "cat")] * 2,
        *[("op", 101, "exit")] * 2,
    ]


def test_a_terminal_its_type_its_sizes_and_a_shell(served: Served) -> None:
    terminal = {"type": "xterm-256color", "rows": 30, "columns": 100}
    with running(served, terminal=terminal) as (socket, program):
        assert (program.command, program.terminal) == (SHELL, Terminal("xterm-256color", 30, 100))
        socket.send('{"rows": 40, "columns": 120}')
        until(lambda: program.sizes == [(40, 120)])
        # What is no message of a client ends it.
        socket.send('{"rows": 0, "columns": 120}')
        assert last(socket)["msg"] == "a terminal has 1 to 10000 rows and columns"
    assert program.killed
    for wrong in ({"type": "a\nb"}, {"rows": 99999}, {"rows": "1"}):
        with opened(served) as socket:
            socket.send(json.dumps({"terminal": terminal | wrong}))
            assert last(socket)["msg"]
    assert len(served.engine.programs) == 1


def test_who_gets_none(served: Served) -> None:
    assert refused(served, "")[0] == 401
    assert refused(served, "look")[1]["msg"] == "the token look may only read"
    status, body = refused(served, "other")
    assert (status, body["code"], body["msg"]) == (404, 1006, "there is no set foo")
    assert refused(served, "op", "bar")[0] == 404
    status, body = refused(served, Origin="https://elsewhere.example")
    assert (status, body["msg"]) == (403, "a page of another site may not open a WebSocket here")
    with opened(served, "root", Origin=served.address):
        pass  # administrators get one, and so do our own pages
    served.room.stop("foo")
    status, body = refused(served)
    assert (status, body["msg"]) == (409, "foo is not running: its container is exited")
    served.engine.without = (Attaching,)
    assert refused(served)[1]["code"] == 1107
    assert not served.engine.programs
    statuses = [line["status"] for line in served.audit() if line["method"] == "WEBSOCKET"]
    assert [status for status in statuses if status != 101] == [401, 403, 404, 404, 403, 409, 501]
    assert served.client().get("/api/v1/replicaSet/foo/terminal").status_code == 426


def test_so_many_of_one_token(served: Served) -> None:
    with contextlib.ExitStack() as open_:
        for _ in range(16):
            open_.enter_context(opened(served))
        status, body = refused(served)
        assert (status, body["code"]) == (429, 429) and body["msg"].startswith("too many programs with input at once")
        open_.enter_context(opened(served, "root"))
    until(lambda: lets_in(served))


def lets_in(served: Served) -> bool:
    try:
        with opened(served):
            return True
    except InvalidStatus:
        return False


def test_what_ends_a_session_ends_its_program(served: Served) -> None:
    with running(served, "cat") as (socket, gone):
        socket.close()
    until(lambda: gone.killed)
    with running(served, "deaf") as (socket, deaf):
        socket.send(b"never taken")
        socket.socket.close()  # without a word
    until(lambda: deaf.killed)
    with running(served, "cat") as (socket, stopped):
        served.room.stop("foo")
        stopped.pieces.put(None)
        assert last(socket) == {"ended": "the set was stopped, or runs as another version now"}
    served.room.restart("foo")
    with running(served, "cat") as (socket, revoked):
        Tokens(str(served.folder / "state")).revoke("op")
        assert last(socket) == {"ended": "the token counts no more"}
    assert revoked.killed
    until(lambda: len(ended(served)) == 4)


def test_the_end_of_the_service(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(served, "cat") as (socket, program):
        monkeypatch.setattr(terminals, "_reason", lambda app, state: "the service ends")
        socket.send(b"x")
        assert last(socket) == {"ended": "the service ends"}
    assert program.killed


def test_a_client_that_takes_nothing_holds_its_program_up(served: Served) -> None:
    with running(served, "flood") as (socket, program):
        socket.recv(10)
        until(lambda: program.written >= WINDOW)
        time.sleep(0.3)
        assert program.written <= WINDOW + 65536
        socket.send(json.dumps({"taken": 32768}))
        until(lambda: program.written > WINDOW + 32768)
        # It cannot have taken what was not sent.
        socket.send(json.dumps({"taken": 1 << 40}))
        assert "is not a message of a client" in last(socket)["msg"]
    assert program.killed


def test_a_client_that_sends_more_than_is_taken(served: Served) -> None:
    with running(served, "deaf") as (socket, program):
        for _ in range(WINDOW // 32768 + 1):
            socket.send(b"y" * 32768)
        assert last(socket)["msg"] == f"more than {WINDOW} bytes were sent that are not taken yet"
    assert program.killed
    with running(served, "cat") as (socket, program):
        socket.send(b"z" * (1 << 20))  # one giant message
        assert last(socket) == {}
        assert socket.close_code == 1009
    until(lambda: program.killed)
    with running(served, "cat") as (socket, program), contextlib.suppress(ConnectionClosed):
        socket.send(b"" for _ in range(5000))  # one message in crumbs
        last(socket)
    until(lambda: program.killed)


def test_a_client_that_says_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminals, "FIRST_SECONDS", 0.1)
    with opened(served) as socket:
        assert last(socket)["code"] == 408
    for nonsense in ("{", "[]", '{"cmd": 3}'):
        with opened(served) as socket:
            socket.send(nonsense)
            assert last(socket)["code"] == 1000
    with opened(served) as socket:
        socket.send(b"bytes")
        last(socket)
    assert not served.engine.programs


def browser(served: Served, token: str, name: str = "foo") -> ClientConnection:
    """A WebSocket as the page opens it: no header of its own."""
    address = served.address.replace("http", "ws", 1) + f"/api/v1/replicaSet/{name}/terminal"
    offered = [Subprotocol("workbench.terminal"), Subprotocol(f"workbench.token.{token}")]
    return connect(address, subprotocols=offered, compression=None, proxy=None)


def test_a_browser_offers_its_token_as_a_protocol(served: Served) -> None:
    with browser(served, served.tokens["op"]) as socket:
        assert socket.subprotocol == "workbench.terminal"
        socket.send(json.dumps({"cmd": ["exit", "3"]}))
        assert last(socket) == {"exitCode": 3}
    # It reads why not, which it would not in a response; a token that is none is refused as ever.
    for name, code in (("foo", 1006), ("bar", 1006)):
        with browser(served, served.tokens["other"], name) as socket:
            socket.send("{}")
            assert last(socket)["code"] == code
    for token in ("x", served.tokens["look"]):
        with pytest.raises(InvalidStatus) as error, browser(served, token):
            pass
        assert error.value.response.status_code == (401 if token == "x" else 403)
    until(lambda: len([line for line in served.audit() if line["method"] == "WEBSOCKET"]) == 6)
    assert not any(each in (served.folder / "audit.log").read_text() for each in served.tokens.values())
