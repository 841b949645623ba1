"""The front where no platform stands before it, with a real nginx: the token, the address, foreign pages."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.browser import need_chromium, page_in
from tests.engine import search_path
from tests.front.running import Front, front

TOKEN = "a+token/of=the&tests"
QUERY = urlencode({"token": TOKEN})

pytestmark = pytest.mark.skipif(shutil.which("nginx", path=search_path()) is None, reason="nginx not installed")


@pytest.fixture(params=["", "/notebook/team/mine"], ids=["no NB_PREFIX", "NB_PREFIX"])
def closed(request: pytest.FixtureRequest, short_path: Path) -> Iterator[Front]:
    environ = {"WORKBENCH_AUTH": "", "WORKBENCH_TOKEN": TOKEN}
    flags = ["--strip-prefix", "--health=/", "--port-proxy=/proxy", "--port-proxy=/absproxy"]
    with front(short_path, *flags, prefix=request.param, environ=environ) as started:
        started.ready()
        yield started


def request(
    started: Front, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", started.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, started.prefix + path, body, named)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response, text


def enter(started: Front, path: str = "/", **headers: str) -> tuple[str, http.client.HTTPResponse]:
    """Open `path` with the token; return the cookie that it gives, and the response."""
    response, _ = request(started, f"{path}{'&' if '?' in path else '?'}{QUERY}", **headers)
    assert response.status == 303
    return response.headers["Set-Cookie"].partition(";")[0], response


def socket_status(started: Front, **headers: str) -> int:
    """The status of the response to a WebSocket's handshake with `headers`."""
    lines = [f"GET {started.prefix}/socket HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", started.port), timeout=60) as browser:
        browser.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(browser.recv(65536).split(b" ")[1])


def test_the_token_is_exchanged_for_a_cookie_at_a_clean_address(closed: Front) -> None:
    prefix = closed.prefix
    assert request(closed, "/")[0].status == 401
    cookie, response = enter(closed, "/x%2Fy?a=%20b")
    assert response.headers["Location"] == f"{prefix}/x%2Fy?a=%20b"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    attributes = response.headers["Set-Cookie"].split("; ")[1:]
    assert attributes == [f"Path={prefix}/", "HttpOnly", "SameSite=Lax"]
    assert TOKEN not in str(response.headers)
    response, body = request(closed, "/x?token=of-another-server", Cookie=f"a=1; {cookie}; b=2")
    received = json.loads(body)
    assert (response.status, received["path"]) == (200, "/x?token=of-another-server")
    assert received["headers"]["Cookie"] == "a=1; b=2"
    assert response.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    secure = enter(closed, X_Forwarded_Proto="https")[1]
    assert secure.headers["Set-Cookie"].endswith("; Secure")


def test_scripts_send_the_token_in_a_header(closed: Front) -> None:
    response, body = request(closed, "/x", Authorization=f"Bearer {TOKEN}")
    assert response.status == 200
    assert "Authorization" not in json.loads(body)["headers"]
    response, body = request(closed, "/x", Authorization=f"Bearer {TOKEN}x", Accept="*/*")
    assert response.status == 401
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_the_page_takes_the_token_too(closed: Front) -> None:
    own = f"http://127.0.0.1:{closed.port}"
    response, page = request(closed, f"/x?q=1&{QUERY[:-1]}", Accept="text/html")
    assert response.status == 401
    assert "is not the token" in page
    assert QUERY[:-1] not in page
    action = re.findall('action="([^"]*)"', page)[0].removeprefix(closed.prefix)
    following = re.findall('name="next" value="([^"]*)"', page)[0]
    assert following == f"{closed.prefix}/x?q=1"
    for token, status in ((TOKEN, 303), ("another", 401), ("", 401)):
        form = urlencode({"token": token, "next": following})
        response, _ = request(closed, action, "POST", form, Origin=own)
        assert response.status == status
        assert ("Set-Cookie" in response.headers) is (status == 303)
    for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        response, _ = request(closed, action, "POST", urlencode({"token": TOKEN, "next": elsewhere}), Origin=own)
        assert response.headers["Location"] in (
            f"{closed.prefix}/",
            f"/{elsewhere.lstrip('/')}".replace("\\", "%5C"),
            "/evil.example/",
        )
    form = urlencode({"token": TOKEN})
    assert request(closed, action, "POST", form, Origin="http://evil.example")[0].status == 403
    assert request(closed, action, "POST", "x" * 20000, Origin=own)[0].status == 413
    assert request(closed, action)[0].headers["Location"] == f"{closed.prefix}/"


def test_probes_need_no_token_and_reveal_nothing(closed: Front) -> None:
    assert request(closed, "/api")[1] == '{"status": "alive"}'
    assert request(closed, "/api/kernels")[0].status == 401
    cookie, _ = enter(closed)
    response, body = request(closed, "/api/kernels", Cookie=cookie)
    assert (response.status, json.loads(body)[0]["name"]) == (200, "small")


def test_other_hosts_and_origins_are_refused_with_the_cookie_too(closed: Front) -> None:
    cookie, _ = enter(closed)
    host = f"127.0.0.1:{closed.port}"
    assert socket_status(closed, Host=host, Cookie=cookie, Origin=f"http://{host}") == 101
    assert socket_status(closed, Host=host, Cookie=cookie, Origin="http://evil.example") == 403
    assert socket_status(closed, Host=host, Origin=f"http://{host}") == 401
    evil = f"evil.example:{closed.port}"
    assert socket_status(closed, Host=evil, Cookie=cookie, Origin=f"http://{evil}") == 403
    response, page = request(closed, f"/?{QUERY}", Host=evil, Accept="text/html")
    assert response.status == 403
    assert "WORKBENCH_HOSTS" in page
    assert request(closed, "/x", "POST", "", Cookie=cookie, Origin="http://127.0.0.1:1")[0].status == 403
    # The small server has no POST, and this is its status.
    assert request(closed, "/x", "POST", "", Cookie=cookie, Origin=f"http://{host}")[0].status == 501


PROXIED = (
    ("/proxy/8080/a@b?c=@", "200"),
    ("/proxy/8080?c=@evil.example", "200"),
    ("/absproxy/80", "200"),
    ("/proxying/80@b", "200"),
    ("/x/proxy/80@b", "200"),
    ("/proxy/80@evil.example:90/", "400"),
    ("/proxy/80%40evil.example/", "400"),
    ("/PROXY/80@evil.example/", "400"),
    ("/absproxy/80@evil.example/", "400"),
    ("/pro%78y/80@evil.example/", "400"),
    ("//proxy//80@evil.example/", "400"),
    ("/x/../proxy/80@evil.example/", "400"),
    ("/x/%2e%2e/proxy/80@evil.example/", "400"),
    ("/proxy/80%2F@evil.example/", "400"),
    ("/proxy/80#@evil.example/", "400"),
    ("/proxy/evil.example/", "400"),
    ("/proxy/123456/", "400"),
    ("/proxy/", "400"),
)


def test_only_ports_are_proxied(closed: Front) -> None:
    """CVE-2025-47269: code-server would send the request, and the cookies with it, to the host behind the @."""
    cookie, _ = enter(closed)
    for path, status in PROXIED:
        # http.client would not send all of these.
        lines = [f"GET {closed.prefix}{path} HTTP/1.1", f"Host: 127.0.0.1:{closed.port}", f"Cookie: {cookie}"]
        with socket.create_connection(("127.0.0.1", closed.port), timeout=60) as browser:
            browser.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            assert browser.recv(65536).split(b" ")[1].decode() == status, path


def test_only_ports_are_proxied_behind_a_platform_too(short_path: Path) -> None:
    with front(short_path, "--port-proxy=/proxy", prefix="/notebook/team/mine") as started:
        started.ready()
        assert started.get(f"{started.prefix}/proxy/8080/")[0] == 200
        assert started.get(f"{started.prefix}/proxy/80@evil.example/")[0] == 400


def test_no_token_reaches_a_log_whatever_breaks(short_path: Path) -> None:
    with front(short_path, environ={"WORKBENCH_AUTH": "", "WORKBENCH_TOKEN": TOKEN}) as started:
        started.ready()
        (folder,) = (short_path / "tmp").iterdir()
        access = folder / "access.sock"
        access.rename(folder / "elsewhere")
        paths = [f"{path}?{query}" for path in ("/", "/_workbench/login") for query in (QUERY, QUERY[:-1])]
        assert {request(started, path)[0].status for path in paths} == {500, 502}
        (folder / "elsewhere").rename(access)
        assert [request(started, path)[0].status for path in paths] == [303, 401, 303, 303]
    log = (short_path / "stderr").read_text()
    assert TOKEN[:-1] not in log
    assert QUERY[:-1] not in log
    assert "/?token=… HTTP" in log
    assert "WORKBENCH_TOKEN" in log


def test_a_token_is_made_and_printed_where_none_was_given(short_path: Path) -> None:
    with front(short_path, environ={"WORKBENCH_AUTH": ""}) as started:
        started.ready()
        printed = re.findall(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{48}) ", (short_path / "stderr").read_text())
        assert [port for port, _ in printed] == [str(started.port)]
        assert request(started, "/")[0].status == 401
        assert request(started, f"/?token={printed[0][1]}")[0].status == 303


@pytest.mark.parametrize(
    ("environ", "prefix", "status"),
    [
        ({}, "/notebook/team/mine", 200),
        ({"WORKBENCH_AUTH": "platform", "WORKBENCH_TOKEN": TOKEN}, "", 200),
        ({"WORKBENCH_TOKEN": TOKEN}, "/notebook/team/mine", 401),
    ],
)
def test_it_is_the_platform_that_decides_only_where_it_says_so(
    short_path: Path, environ: dict[str, str], prefix: str, status: int
) -> None:
    with front(short_path, prefix=prefix, environ={"WORKBENCH_AUTH": "", **environ}) as started:
        started.ready()
        assert request(started, "/x", Host="evil.example" if status == 200 else "localhost")[0].status == status


def test_it_listens_on_both_families(short_path: Path) -> None:
    with front(short_path) as started:
        started.ready()
        with socket.create_connection(("::1", started.port), timeout=60) as browser:
            browser.sendall(f"GET /api HTTP/1.1\r\nHost: [::1]:{started.port}\r\nConnection: close\r\n\r\n".encode())
            assert browser.recv(65536).startswith(b"HTTP/1.1 200")


class Foreign(BaseHTTPRequestHandler):
    """An empty page, at an address that is not the workbench's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def foreign_page() -> Iterator[str]:
    """The address of an empty page of another port of this machine, as a program of somebody else may have."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Opens the small server's socket, which sends back what it gets; it speaks no WebSocket, so the handshake is all.
SOCKET = """
(address) => new Promise(done => {
  const socket = new WebSocket(address.replace('http', 'ws') + '/socket');
  socket.onopen = () => done('open'); socket.onerror = () => done('refused');
})
"""
# Returns what a page gets of the workbench: a socket, a response that it can read, a picture, a form's frame.
ATTEMPTS = """
async (address) => {
  const open = await new Promise(done => {
    const socket = new WebSocket(address.replace('http', 'ws') + '/socket');
    socket.onopen = () => done('open'); socket.onerror = () => done('refused');
    setTimeout(() => done('nothing'), 30000);
  });
  const get = await fetch(address + '/x', {credentials: 'include'}).then(r => r.status, () => 'refused');
  const post = await fetch(address + '/x', {method: 'POST', mode: 'no-cors', credentials: 'include'})
    .then(r => r.type, () => 'refused');
  return [open, get, post];
}
"""


@pytest.mark.thorough
@pytest.mark.parametrize("attacker", ["http://127.0.0.1:PORT", "http://localhost:PORT", "http://evil.example:PORT"])
def test_a_foreign_page_in_a_browser_reaches_nothing(short_path: Path, tmp_path: Path, attacker: str) -> None:
    chromium = need_chromium()
    environ = {"WORKBENCH_AUTH": "", "WORKBENCH_TOKEN": TOKEN}
    # The page below that playwright puts in the attacker's place comes from no address of this machine.
    options = (
        "--host-resolver-rules=MAP *.example 127.0.0.1",
        "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
    )
    with front(short_path, environ=environ) as started, foreign_page() as other:
        started.ready()
        own = f"http://127.0.0.1:{started.port}"
        with page_in(chromium, tmp_path / "foreign.png", options=options) as page:
            page.goto(f"{own}/?{QUERY}")
            assert page.url == f"{own}/"
            assert page.evaluate(SOCKET, own) == "open", "the workbench's own page can"
            page.goto(attacker.replace("PORT", other.rpartition(":")[2]))
            opened, read, _ = page.evaluate(ATTEMPTS, own)
            assert (opened, read) == ("refused", "refused")
            # A page whose name has been made to point at the workbench since: DNS rebinding.
            rebound = f"http://evil.example:{started.port}"
            page.route(f"{rebound}/attack", lambda route: route.fulfill(content_type="text/html", body=""))
            page.goto(f"{rebound}/attack")
            assert page.evaluate(ATTEMPTS, rebound)[:2] == ["refused", 403]
            response = page.goto(f"{rebound}/?{QUERY}")
            assert response is not None
            assert response.status == 403


@pytest.mark.thorough
def test_a_person_types_the_token_in_a_browser(short_path: Path, tmp_path: Path) -> None:
    chromium = need_chromium()
    with front(short_path, environ={"WORKBENCH_AUTH": "", "WORKBENCH_TOKEN": TOKEN}) as started:
        started.ready()
        with page_in(chromium, tmp_path / "login.png") as page:
            page.goto(f"http://localhost:{started.port}/x?a=1")
            page.get_by_label("Token").fill("wrong-token")
            page.get_by_role("button").click()
            page.get_by_text("is not the token").wait_for()
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button").click()
            page.wait_for_url("**/x?a=1")
            assert json.loads(page.inner_text("body"))["path"] == "/x?a=1"
            (cookie,) = page.context.cookies()
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
            assert page.evaluate("document.cookie") == ""
