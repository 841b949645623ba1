"""Programs in Pods, on a server that speaks as an API server does: frames with the number of their stream."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import trustme
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.replicasets.engines.kubernetes.api_server import ApiServer
from workbench.replicasets.engines.kubernetes.access import find_access
from workbench.replicasets.engines.kubernetes.exec import KubernetesProgram
from workbench.replicasets.engines.kubernetes.http import KubernetesHttp
from workbench.replicasets.errors import EngineError, EngineGone
from workbench.replicasets.operations.execute import Execution, collected

Act = Callable[[ServerConnection, list[str]], None]
Program = Callable[..., KubernetesProgram]
FAILED = {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}


@contextmanager
def server(folder: Path, act: Act, refused: int = 0) -> Iterator[Program]:
    """Yield what starts a program on a server that does `act` with each connection and the words of its command."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        url = urlsplit(connection.request.path)
        assert url.path == "/api/v1/namespaces/team/pods/foo-1/exec"
        assert connection.request.headers["Authorization"] == "Bearer t0ken"
        act(connection, [value for key, value in parse_qsl(url.query) if key == "command"])

    def first(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(HTTPStatus(refused), '{"message": "no"}') if refused else None

    with serve(
        handle,
        "127.0.0.1",
        0,
        ssl=context,
        subprotocols=[Subprotocol("v4.channel.k8s.io")],
        process_request=first,
    ) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        port = running.socket.getsockname()[1]
        kubeconfig = ApiServer(port=port).write_kubeconfig(folder, authority.cert_pem.bytes().decode())
        http = KubernetesHttp(find_access(kubeconfig, ""))
        yield lambda *command: KubernetesProgram(http, "foo-1", command, "/work")
        http.close()
        running.shutdown()
        thread.join()


def test_both_streams_and_the_code(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def act(connection: ServerConnection, words: list[str]) -> None:
        seen.append(words)
        for frame in (b"\x01", b"\x02", b"\x01out\n", b"\x02err\n", b"\x03" + json.dumps(FAILED).encode()):
            connection.send(frame)

    with server(tmp_path, act) as start:
        program = start("ls", "-l", "a b")
        assert list(program) == [(1, b"out\n"), (2, b"err\n")]
        assert program.exit_code() == 3
        program.close()
    assert seen[0][-4:] == ["/work", "ls", "-l", "a b"]


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    killed = threading.Event()
    marks: list[str] = []

    def act(connection: ServerConnection, words: list[str]) -> None:
        marks.append(words[4])
        if "kill -9" in words[2]:
            killed.set()
            connection.send(b'\x03{"status": "Success"}')
            return
        connection.send(b"\x01begun\n")
        killed.wait(10)
        connection.send(b'\x03{"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "137"}]}}')

    with server(tmp_path, act) as start:
        found = collected(Execution(start("sleep", "77"), 0.3, 1000))
    assert (found.stdout, found.timed_out, found.exit_code) == ("begun\n", True, -1)
    assert killed.is_set() and len(set(marks)) == 1


def test_an_image_without_a_shell(tmp_path: Path) -> None:
    failure = {"status": "Failure", "message": 'exec: "/bin/sh": no such file', "reason": "InternalError"}

    with server(tmp_path, lambda connection, words: connection.send(b"\x03" + json.dumps(failure).encode())) as start:
        found = collected(Execution(start("ls"), 10, 1000))
    assert (found.stdout, found.exit_code) == ('exec: "/bin/sh": no such file\n', 127)


def test_a_connection_that_is_lost_is_no_end(tmp_path: Path) -> None:
    with server(tmp_path, lambda connection, words: connection.send(b"\x01half")) as start:
        program = start("ls")
        with pytest.raises(EngineGone, match="without its exit code"):
            list(program)
        program.close()


def test_a_server_that_refuses(tmp_path: Path) -> None:
    with server(tmp_path, lambda connection, words: None, refused=403) as start:
        with pytest.raises(EngineError, match="the cluster refuses: no") as error:
            start("ls")
        assert error.value.status == 403
