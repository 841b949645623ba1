from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.registry.repository import Repository

LOGIN = base64.b64encode(b"tester:secret").decode()
NAME = "team/images"


class Server(ThreadingHTTPServer):
    """A server on a port of 127.0.0.1, which records the method and the Authorization header of every request.

    With a `login` it is a registry that demands it, and answers uploads with `location`. Without one it is a
    foreign host, whose response to an upload is `status`; with 401 it demands a token of its own.
    """

    def __init__(self, login: str = "", status: int = 201, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.login = login
        self.status = status
        self.location = ""
        self.requests: list[tuple[str, str | None]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._respond(404)

    def do_GET(self) -> None:
        self._respond(200)

    def do_POST(self) -> None:
        self._respond(202, {"Location": self.server.location})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._respond(self.server.status, {"WWW-Authenticate": f'Bearer realm="http://{self.server.host}/token"'})

    def _respond(self, status: int, headers: dict[str, str] | None = None) -> None:
        authorization = self.headers.get("Authorization")
        self.server.requests.append((self.command, authorization))
        if self.server.login and authorization != f"Basic {self.server.login}":
            status, headers = 401, {"WWW-Authenticate": 'Basic realm="registry"'}
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Server], Server]]:
    """Returns a server that serves in the background; there is a login for each that demands one."""
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    monkeypatch.setattr("workbench.registry.repository.is_insecure", lambda host: True)
    servers: list[Server] = []

    def start(server: Server) -> Server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        auths = {each.host: {"auth": each.login} for each in servers if each.login}
        (tmp_path / "auth.json").write_text(json.dumps({"auths": auths}))
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


Serve = Callable[[Server], Server]


def neighbours() -> tuple[Server, Server]:
    """Return a registry, and a foreign host whose address begins with the registry's: its port has a digit more."""
    for port in range(2000, 6500):
        try:
            registry = Server(LOGIN, port=port)
        except OSError:
            continue
        try:
            return registry, Server(port=port * 10)
        except OSError:
            registry.server_close()
    pytest.skip("no two such ports are free")


def test_a_login_is_not_sent_to_a_foreign_upload_location(serve: Serve) -> None:
    registry, foreign = serve(Server(LOGIN)), serve(Server())
    registry.location = f"http://{foreign.host}/uploads/1?state=abc"
    with Repository(f"{registry.host}/{NAME}") as repository:
        repository.put_blob(b"data", "text/plain")
    assert registry.requests[-1] == ("POST", f"Basic {LOGIN}")
    assert foreign.requests == [("PUT", None)]


def test_a_login_is_not_sent_to_a_foreign_upload_location_that_demands_one(serve: Serve) -> None:
    registry, foreign = serve(Server(LOGIN)), serve(Server(status=401))
    registry.location = f"http://{foreign.host}/uploads/1"
    with (
        Repository(f"{registry.host}/{NAME}") as repository,
        pytest.raises(WorkbenchError, match="refuses PUT /uploads/1"),
    ):
        repository.put_blob(b"data", "text/plain")
    assert foreign.requests == [("PUT", None)]


def test_a_login_is_not_sent_to_an_address_that_begins_with_the_registrys(serve: Serve) -> None:
    registry, foreign = map(serve, neighbours())
    registry.location = f"http://{foreign.host}/uploads/1"
    with Repository(f"{registry.host}/{NAME}") as repository:
        repository.put_blob(b"data", "text/plain")
    assert foreign.requests == [("PUT", None)]


def test_a_login_is_sent_to_an_upload_location_of_the_registry(serve: Serve) -> None:
    registry = serve(Server(LOGIN))
    with Repository(f"{registry.host}/{NAME}") as repository:
        for location in (f"/v2/{NAME}/uploads/1", f"http://{registry.host}/v2/{NAME}/uploads/1"):
            registry.location = location
            repository.put_blob(b"data", "text/plain")
            assert registry.requests[-1] == ("PUT", f"Basic {LOGIN}")
