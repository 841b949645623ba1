from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.engine import Engine
from workbench.registry.login import authorization, stored_login
from workbench.registry.repository import Repository

HOST = "registry.example.com"
LOGIN = base64.b64encode(b"tester:secret").decode()


def store_logins(folder: Path, auths: object) -> dict[str, str]:
    """Store logins in a file, and return the environment that names it."""
    (folder / "auth.json").write_text(json.dumps({"auths": auths}))
    return {"REGISTRY_AUTH_FILE": str(folder / "auth.json")}


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([HOST], HOST),
        ([HOST, f"{HOST}/team"], f"{HOST}/team"),
        ([f"{HOST}/team/images", f"{HOST}/team"], f"{HOST}/team/images"),
        ([f"{HOST}/tea", "example.com", f"{HOST}:5000"], ""),
    ],
)
def test_the_longest_matching_name_wins(tmp_path: Path, keys: list[str], found: str) -> None:
    environment = store_logins(tmp_path, {key: {"auth": key} for key in keys})
    assert stored_login(HOST, "team/images", environment) == found


@pytest.mark.parametrize("text", ["", "{", "[]", '{"auths": {"registry.example.com": "x"}}', '{"auths": {}}'])
def test_a_file_without_a_login(tmp_path: Path, text: str) -> None:
    (tmp_path / "auth.json").write_text(text)
    assert stored_login(HOST, "team/images", {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}) == ""
    assert stored_login(HOST, "team/images", {"REGISTRY_AUTH_FILE": str(tmp_path / "none")}) == ""


def test_a_login_goes_to_no_realm_without_tls() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"requested {request.url}")

    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        assert authorization('Bearer realm="http://tokens.example.com/"', LOGIN, client) == ""
        assert authorization("Negotiate", LOGIN, client) == ""
        assert authorization("Basic realm=x", "", client) == ""


class _Tokens(BaseHTTPRequestHandler):
    """A registry that demands a token, and issues one to whoever has the login."""

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        wanted = f'Bearer realm="http://{self.headers["Host"]}/token",service="it",scope="repository:team/images:pull"'
        if where.path == "/token":
            allowed = self.headers.get("Authorization") == f"Basic {LOGIN}"
            right = parse_qs(where.query) == {"service": ["it"], "scope": ["repository:team/images:pull"]}
            self._respond(200 if allowed and right else 401, b'{"token": "good"}')
        elif self.headers.get("Authorization") == "Bearer good":
            self._respond(200, b'{"config": {"digest": "sha256:1"}}')
        else:
            self._respond(401, b"{}", wanted)

    def _respond(self, code: int, body: bytes, challenge: str = "") -> None:
        self.send_response(code)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def token_registry(engine: Engine) -> Iterator[str]:
    """Yield the address of such a registry, which podman's settings let do without TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    trusted = Path(engine.env["CONTAINERS_REGISTRIES_CONF"])
    trusted.write_text(trusted.read_text() + f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()


def test_a_token_is_fetched_with_the_login(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with token_registry(engine) as host, Repository(f"{host}/team/images") as repository:
        monkeypatch.setenv("REGISTRY_AUTH_FILE", store_logins(tmp_path, {host: {"auth": LOGIN}})["REGISTRY_AUTH_FILE"])
        found = repository.manifest("latest")
        assert found is not None
        assert found.config == "sha256:1"
