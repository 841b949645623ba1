"""A Jupyter image started as JupyterHub's KubeSpawner starts it, with a hub that knows one user and one token."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.test_from_nothing import ANY_USER
from tests.engine import Engine, free_port, removed_afterwards, wait_for

pytestmark = pytest.mark.thorough

PREFIX, TOKEN = "/user/anna/", "0123456789abcdef"
USER = {
    "kind": "user",
    "name": "anna",
    "admin": False,
    "groups": [],
    "scopes": ["access:servers!server=anna/", "read:users:name!user=anna"],
}


@contextmanager
def hub() -> Iterator[tuple[str, list[str]]]:
    """The part of a hub's API that a single-user server calls; yields its address and the calls that it had."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(f"{self.command} {self.path.partition('?')[0]}")
            known = self.headers.get("Authorization", "").split(" ")[-1] == TOKEN
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.rstrip("/") == "/hub/api":
                self._respond(200, {"version": "6.1.1"})
            elif self.path.startswith("/hub/api/user"):
                self._respond(200, USER) if known else self._respond(403, {"status": 403, "message": "Forbidden"})
            else:
                self._respond(404, {"status": 404, "message": "Not Found"})

        do_POST = do_GET

        def _respond(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hub/api", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environ(api: str, port: int, image: str) -> dict[str, str]:
    """The variables of jupyterhub 6.1.1, spawner.py, get_env, and of kubespawner 7.1.0, spawner.py, get_env."""
    return {
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JPY_API_TOKEN": TOKEN,
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-anna",
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "0",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!server=anna/", "access:servers!user=anna"]',
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!server=anna/", "access:servers!user=anna"]',
        "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
        "JUPYTERHUB_USER": "anna",
        "JUPYTERHUB_SERVER_NAME": "",
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/anna/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:{port}{PREFIX}",
        "JUPYTERHUB_PUBLIC_URL": "",
        "JUPYTERHUB_PUBLIC_HUB_URL": "",
        "JUPYTER_IMAGE_SPEC": image,
        "JUPYTER_IMAGE": image,
        "MEM_LIMIT": "2147483648",
        "CPU_LIMIT": "2.0",
    }


# KubeSpawner gives its command as the arguments of the container (objects.py, make_pod): none by default, that of
# Zero to JupyterHub's chart, and what images of others call it.
@pytest.mark.parametrize("command", [(), ("jupyterhub-singleuser",), ("start-singleuser.sh", "--debug")])
def test_jupyter_starts_as_kubespawner_starts_it(
    engine: Engine, jupyter: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o2777)
    port = free_port()
    with hub() as (api, calls):
        container = engine(
            *("run", "--detach", "--network=host", f"--user={ANY_USER}", "--cap-drop=ALL"),
            *("--security-opt=no-new-privileges", f"--volume={home}:/home/jovyan"),
            *(f"--env={name}={value}" for name, value in environ(api, port, jupyter).items()),
            jupyter,
            *command,
        )
        with removed_afterwards(engine, container):
            address = f"http://127.0.0.1:{port}{PREFIX}"
            assert "version" in json.loads(wait_for(f"{address}api", 120))
            assert "GET /hub/api" in {call.rstrip("/") for call in calls}
            # The hub decides who gets in: its token does, another does not.
            assert status(f"{address}api/contents", TOKEN) == 200
            assert status(f"{address}api/contents", "another") in (401, 403)


def status(url: str, token: str) -> int:
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
