"""The IDEs behind the shared front, built and started as a platform does, with NB_PREFIX and without."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from playwright.sync_api import Page

from tests.addresses import is_kept
from tests.browser import need_chromium, page_in
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.e2e.test_bundles import build_bundle
from tests.e2e.test_from_nothing import ANY_USER
from tests.engine import BaseChoice, Engine, ca_bundle, free_port, wait_for
from tests.vsix import WITNESS, OpenVsx, open_vsx, vsix, with_stand_ins
from workbench.catalog.reader import read_catalogue
from workbench.images.network import OPEN_VSX

# Two images are built within the first tests that use them.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(2700)]

PREFIX = "/notebook/team/mine"
# Where no platform stands before the image, a token opens it.
TOKEN = "a+token/of=the&tests"
QUERY = f"?{urlencode({'token': TOKEN})}"
IDLE_SECONDS = 5
# Steps of a build reach what this machine serves on loopback.
HOST_NETWORK = "--engine-option=--network=host"
# What a person sees when the page has come up, and stays in its own path to get it.
SIGNS = {"tensorboard": "text=No dashboards are active", "vscode": ".monaco-workbench .part.statusbar"}
# What is typed into VS Code's terminal: the shell and its Python know the user and the bundle.
TYPED = "python -c 'import os, sys, setuptools; print(os.getuid(), sys.prefix, end=str())' >seen-$((6*7)).txt"

# CVE-2025-47269 without the front: the server that the link names waits for what code-server would send to it.
ATTACK = r"""
import pathlib, re, socket, urllib.error, urllib.request
target = socket.create_server(("127.0.0.1", 0))
target.settimeout(5)
commands = [each.read_bytes() for each in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
(own,) = {found[1].decode() for each in commands if (found := re.search(rb"/entry\.js\0.*--port\0(\d+)\0", each))}
port = target.getsockname()[1]
try:
    urllib.request.urlopen(f"http://127.0.0.1:{own}/proxy/80@127.0.0.1:{port}/", timeout=60)
except urllib.error.HTTPError as error:
    print(re.findall(r"ECONNREFUSED \S+:\d+", error.read().decode()))
except TimeoutError:
    print("the server has the request, and answers nothing")
try:
    print(target.accept()[0].recv(65536))
except TimeoutError:
    print("nothing arrived")
"""


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, OpenVsx]]:
    """Our catalogue with stand-ins for the extensions of VS Code, and the Open VSX on loopback that has those."""
    with open_vsx() as served:
        yield with_stand_ins(tmp_path_factory.mktemp("stand-ins") / "catalogue", served), served


@pytest.fixture(scope="session", params=list(SIGNS))
def ide(
    request: pytest.FixtureRequest,
    store: Engine,
    base: BaseChoice,
    extensions: tuple[Path, OpenVsx],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, str]:
    """The name of an IDE and of its image."""
    name, folder = request.param, str(tmp_path_factory.mktemp(request.param))
    catalogue, served = extensions
    own = replace(store, env={**store.env, OPEN_VSX: served.url})
    return name, build_bundle(own, base, "minimal", name, folder, catalogue, HOST_NETWORK)


@dataclass(frozen=True)
class Workbench:
    engine: Engine
    container: str
    address: str
    prefix: str

    @property
    def page(self) -> str:
        return f"{self.address}{self.prefix}/"

    @property
    def entry(self) -> str:
        """The address that a person opens."""
        return self.page if self.prefix else f"{self.page}{QUERY}"

    @property
    def headers(self) -> dict[str, str]:
        """What a script sends to get in."""
        return {} if self.prefix else {"Authorization": f"Bearer {TOKEN}"}

    def get(self, path: str) -> str:
        request = urllib.request.Request(f"{self.address}{self.prefix}{path}", headers=self.headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(response.read().decode())

    def kernel(self) -> dict[str, Any]:
        (kernel,) = json.loads(self.get("/api/kernels"))
        assert isinstance(kernel, dict)
        return kernel

    def idle(self) -> dict[str, Any]:
        """The kernel once it is idle, with the probes that a platform sends meanwhile."""
        deadline = time.monotonic() + IDLE_SECONDS + 60
        while (kernel := self.kernel())["execution_state"] != "idle":
            wait_for(f"{self.address}{self.prefix}/api", 10)
            assert time.monotonic() < deadline, f"it never became idle: {kernel}"
            time.sleep(0.5)
        return kernel


@contextmanager
def started(engine: Engine, image: str, prefix: str, *options: str, patience: float = 60) -> Iterator[Workbench]:
    """Run `image` under a user ID that it does not know and wait until its probe responds."""
    port = free_port()
    way_in = {"NB_PREFIX": prefix} if prefix else {"WORKBENCH_TOKEN": TOKEN}
    settings = {"WORKBENCH_IDLE_SECONDS": str(IDLE_SECONDS), **way_in}
    container = engine(
        *("run", "--detach", "--user", ANY_USER, f"--publish=127.0.0.1:{port}:8888"),
        *(f"--env={name}={value}" for name, value in settings.items()),
        *options,
        image,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}{prefix}/api", patience)
        yield Workbench(engine, container, f"http://127.0.0.1:{port}", prefix)
    except BaseException:
        print(engine.try_("logs", container).stderr.decode()[-4000:])
        raise
    finally:
        engine("rm", "--force", "--time=0", container)


@pytest.mark.parametrize("prefix", [PREFIX, ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_paths_culling_and_the_end(engine: Engine, ide: tuple[str, str], prefix: str) -> None:
    name, image = ide
    with started(engine, image, prefix) as workbench:
        assert workbench.kernel()["name"] == name
        if prefix:
            for path in ("/api", "/api/kernels", "/elsewhere"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"{workbench.address}{path}", timeout=10)
        before = workbench.idle()["last_activity"]
        for begin in {f"{workbench.address}/", f"{workbench.address}{prefix or '/'}", workbench.page}:
            assert follow(begin, workbench.headers).startswith(workbench.page), begin
        deadline = time.monotonic() + 60
        # On a busy machine it may be idle again between two lines of ours.
        while (kernel := workbench.kernel())["execution_state"] != "busy":
            assert time.monotonic() < deadline, f"it never became busy: {kernel}"
            follow(workbench.page, workbench.headers)
        assert kernel["last_activity"] > before
        workbench.idle()
        engine("stop", "--time=10", workbench.container)
        status = engine("inspect", "--format={{.State.ExitCode}}", workbench.container)
        assert status in ("0", "143"), "the server was ended by TERM, and not killed"


@pytest.mark.parametrize("prefix", [PREFIX, ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_the_page_comes_up_in_a_browser(engine: Engine, ide: tuple[str, str], prefix: str, tmp_path: Path) -> None:
    browser = need_chromium()
    name, image = ide
    with started(engine, image, prefix) as workbench:
        work = type_in_terminal if name == "vscode" else do_nothing
        requested, during = work_in_page(browser, workbench, name, work, tmp_path / f"{name}.png")
        assert during["execution_state"] == "busy"
        # An editor's page keeps a WebSocket open, and that alone is use.
        assert during["connections"] >= (1 if name == "vscode" else 0)
        assert any(url.startswith("ws:") for url in requested) == (name == "vscode")
        # TensorBoard's own styles request its fonts at the root, and do without where they cannot be fetched.
        own = [url for url in requested if urlsplit(url).netloc == urlsplit(workbench.page).netloc]
        own = [url.replace("ws:", "http:") for url in own if not url.endswith(".woff2")]
        assert [url for url in own if not url.startswith(workbench.page)] == []
        assert workbench.idle()["connections"] == 0


def test_up_prints_the_address_that_opens_it(
    engine: Engine, base: BaseChoice, ide: tuple[str, str], extensions: tuple[Path, OpenVsx], tmp_path: Path
) -> None:
    """By one command, and after a stop again by `run`, at the same address."""
    browser = need_chromium()
    name, _ = ide
    flags = [*base.flags(), "--base=standard", "--bundle=minimal", f"--ide={name}", "--out", tmp_path / "recipes"]
    flags += ["--catalog", extensions[0]]
    done = wizard("up", *flags, *ca_bundle(), "--log-dir", tmp_path / "logs", "--yes", "--no-browser", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [step["step"] for step in report["steps"]] == ["recipe", "image", "workbench"]
    address, workbench = report["workbench"]["address"], report["workbench"]["name"]
    assert "?token=" in address
    try:
        for again in (False, True):
            if again:
                assert wizard("stop", workbench).returncode == 0
                started_again = wizard("run", workbench, "--no-browser", "--json")
                before, address = address, json.loads(started_again.stdout)["address"]
                assert is_kept(before, address), started_again.stderr
            with page_in(browser, tmp_path / f"{name}.png") as page:
                page.goto(address)
                page.locator(SIGNS[name]).first.wait_for()
    finally:
        assert wizard("stop", "--delete-files", workbench).returncode == 0


def test_extensions_that_cannot_be_had_end_the_build_at_once(
    engine: Engine, base: BaseChoice, extensions: tuple[Path, OpenVsx], tmp_path: Path
) -> None:
    """A tampered archive by its name, and where no Open VSX is reached, with what can be done."""
    catalogue, served = extensions
    flags = [*base.flags(), "--base=standard", "--bundle=minimal", "--ide=vscode", "--catalog", catalogue]
    assert wizard("new", *flags, "--out", tmp_path, "--no-lint", "--offline").returncode == 0
    (recipe,) = tmp_path.iterdir()
    build = ("build", recipe, "--no-cache", HOST_NETWORK, "--log-dir", tmp_path / "logs", *ca_bundle())
    own = dict(served.archives)
    with open_vsx() as other:
        other.archives |= own
        version = read_catalogue(str(catalogue)).releases["2026a"].extensions["ms-toolsai.jupyter"]["version"]
        other.add("ms-toolsai.jupyter", version, vsix("ms-toolsai.jupyter", version, {"main": "./evil.js"}))
        tampered = wizard(*build, env={OPEN_VSX: other.url})
    assert tampered.returncode == 1
    assert f"what came as the extension ms-toolsai.jupyter {version} is not what the release pins" in tampered.stderr
    gone = wizard(*build, env={OPEN_VSX: other.url})
    assert gone.returncode == 1
    assert f"the extension ms-python.python 2026.4.0 cannot be fetched from {other.url}/api/" in gone.stderr
    assert "hint: WORKBENCH_OPENVSX names a mirror of Open VSX" in gone.stderr


def test_the_sbom_has_the_extensions(engine: Engine, ide: tuple[str, str]) -> None:
    name, image = ide
    done = wizard("sbom", image)
    assert done.returncode == 0, done.stderr
    purls = [each.get("purl", "") for each in json.loads(done.stdout)["components"]]
    wanted = "pkg:vscode-extension/ms-python/python@2026.4.0"
    assert (wanted in purls) is (name == "vscode")


def work_in_page(
    browser: str, workbench: Workbench, name: str, work: Callable[[Page, Workbench], None], picture: Path
) -> tuple[list[str], dict[str, Any]]:
    """Open the page and work in it; return every address that it requested, and the kernel afterwards."""
    requested: list[str] = []
    with page_in(browser, picture) as page:
        page.on("request", lambda request: requested.append(request.url))
        page.on("websocket", lambda socket: requested.append(socket.url))
        page.goto(workbench.entry)
        page.locator(SIGNS[name]).first.wait_for()
        work(page, workbench)
        return requested, workbench.kernel()


def test_nobody_gets_in_without_the_token(engine: Engine, ide: tuple[str, str], tmp_path: Path) -> None:
    name, image = ide
    with started(engine, image, "") as workbench:
        for path in ("/", "/api/kernels", "/healthz", "/data/plugins_listing", "/proxy/8888/"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{workbench.address}{path}", timeout=60)
        own = workbench.address.removeprefix("http://")
        cookie = entered(workbench)
        sockets = [
            ({"Host": own, "Origin": f"http://{own}", "Cookie": cookie}, 101 if name == "vscode" else None),
            ({"Host": own, "Origin": f"http://{own}"}, 401),
            ({"Host": own, "Origin": "http://evil.example", "Cookie": cookie}, 403),
            ({"Host": "evil.example", "Origin": "http://evil.example", "Cookie": cookie}, 403),
        ]
        for headers, status in sockets:
            assert status in (None, handshake(workbench, headers)), headers
        if name == "vscode":
            refused = urllib.request.Request(f"{workbench.page}proxy/80@127.0.0.1:8787/", headers=workbench.headers)
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(refused, timeout=60)
            # Nor does code-server itself go there: it knows the port alone.
            output = engine("exec", workbench.container, "python", "-c", ATTACK)
            assert output.splitlines() == ["['ECONNREFUSED 0.0.0.0:80']", "nothing arrived"]
        logs = engine.try_("logs", workbench.container)
        assert TOKEN not in (logs.stdout + logs.stderr).decode()


def entered(workbench: Workbench) -> str:
    """Open the workbench with its token and return the cookie that it gives."""
    try:
        urllib.request.build_opener(_Stay).open(workbench.entry, timeout=60)
    except urllib.error.HTTPError as response:
        assert response.code == 303
        return str(response.headers["Set-Cookie"].partition(";")[0])
    raise AssertionError("no cookie")


def handshake(workbench: Workbench, headers: Mapping[str, str]) -> int:
    """Return the status of the response to a WebSocket's handshake with VS Code's server."""
    address = urlsplit(workbench.address)
    lines = ["GET /?reconnectionToken=x HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((address.hostname, address.port), timeout=60) as browser:
        browser.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(browser.recv(65536).split(b" ")[1])


def do_nothing(page: Page, workbench: Workbench) -> None:
    """Do nothing in the page."""


def type_in_terminal(page: Page, workbench: Workbench) -> None:
    """Open a terminal, run a command in it, and leave the page alone until only its WebSocket shows use."""
    page.keyboard.press("F1")
    page.locator(".quick-input-box input").fill(">Terminal: Create New Terminal")
    page.locator(".quick-input-list .monaco-list-row").first.click()
    page.locator(".terminal-wrapper.active .xterm-helper-textarea").focus()
    # What is typed before the shell has its prompt may be lost in part; a slow machine needs its time for what was not.
    for seconds in (5, 10, 20, 40, 80, 160):
        page.keyboard.press("Control+C")
        page.keyboard.type(TYPED)
        page.keyboard.press("Enter")
        if _ran(page, workbench, seconds):
            break
    else:
        pytest.fail("the terminal ran nothing")
    the_editor_has_its_extensions(workbench)
    page.wait_for_timeout(1000 * (IDLE_SECONDS + 1))


def _ran(page: Page, workbench: Workbench, seconds: float) -> bool:
    """Return whether what was typed has run to its end within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        page.wait_for_timeout(1000)
        if workbench.engine.try_("exec", workbench.container, "cat", "seen-42.txt").stdout == b"12345 /opt/app-root":
            return True
    return False


def the_editor_has_its_extensions(workbench: Workbench) -> None:
    """VS Code runs a stand-in, which sees them all, the image's Python, and a setting of the user instead of it."""
    seen = witnessed(workbench, "/opt/app-root/bin/python")
    assert seen["builtIn"] is True
    ours = {
        f"{name}@{pins['version']}"
        for name, pins in read_catalogue(str(REPOSITORY)).releases["2026a"].extensions.items()
    }
    assert {*ours, "workbench-images.workbench-defaults@1.0.0"} <= set(seen["extensions"])
    # What a user sets of Python is in the tab "Remote" of the settings: it depends on the machine.
    settings = "mkdir -p .local/share/code-server/Machine && cat >.local/share/code-server/Machine/settings.json"
    own = b'{"python.defaultInterpreterPath": "/my/own"}'
    done = workbench.engine.try_("exec", "--interactive", workbench.container, "sh", "-c", settings, stdin=own)
    assert done.returncode == 0, done.stderr
    witnessed(workbench, "/my/own")


def witnessed(workbench: Workbench, python: str) -> dict[str, Any]:
    """Return what the stand-in wrote, once its Python is this one."""
    deadline = time.monotonic() + 300
    seen: dict[str, Any] = {}
    while seen.get("python") != python:
        assert time.monotonic() < deadline, f"the stand-in wrote {seen}"
        time.sleep(0.5)
        output = workbench.engine.try_("exec", workbench.container, "cat", WITNESS).stdout
        with suppress(ValueError):
            seen = json.loads(output)
    return seen


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: the response itself is inspected."""


def follow(url: str, headers: Mapping[str, str]) -> str:
    """Return the address where `url` ends, from a browser that sees TLS; no redirect may name a scheme or a host."""
    opener = urllib.request.build_opener(_Stay)
    for _ in range(10):
        try:
            with opener.open(
                urllib.request.Request(url, headers={"X-Forwarded-Proto": "https", **headers}), timeout=10
            ):
                return url
        except urllib.error.HTTPError as response:
            location = response.headers.get("Location", "")
            assert response.code in (301, 302, 303, 307, 308), f"{url}: {response.code}"
            assert "://" not in location, f"{url} leaves for {location}"
            url = urljoin(url, location)
    raise AssertionError(f"{url}: redirects without end")
