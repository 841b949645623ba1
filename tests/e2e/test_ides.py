"""The IDEs behind the shared front, built and started as a platform does, with NB_PREFIX and without."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.e2e.test_from_nothing import ANY_USER, made
from tests.engine import BaseChoice, Engine, free_port, search_path, wait_for

PREFIX = "/notebook/team/mine"
IDLE_SECONDS = 5
# What a person sees when the page has come up, and stays in its own path to get it.
SIGNS = {"tensorboard": "text=No dashboards are active"}


@pytest.fixture(scope="session", params=list(SIGNS))
def ide(
    request: pytest.FixtureRequest, store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """The name of an IDE and of its image."""
    name = request.param
    return name, made(store, base, name, tmp_path_factory.mktemp(name))


@dataclass(frozen=True)
class Workbench:
    engine: Engine
    container: str
    address: str
    prefix: str

    @property
    def page(self) -> str:
        return f"{self.address}{self.prefix}/"

    def kernel(self) -> dict[str, Any]:
        (kernel,) = json.loads(wait_for(f"{self.address}{self.prefix}/api/kernels", 10))
        assert isinstance(kernel, dict)
        return kernel

    def idle(self) -> dict[str, Any]:
        """The kernel once it is idle, with the probes that a platform goes on asking meanwhile."""
        deadline = time.monotonic() + IDLE_SECONDS + 15
        while (kernel := self.kernel())["execution_state"] != "idle":
            wait_for(f"{self.address}{self.prefix}/api", 10)
            assert time.monotonic() < deadline, f"it never became idle: {kernel}"
            time.sleep(0.5)
        return kernel


@contextmanager
def started(engine: Engine, image: str, prefix: str, patience: float = 60) -> Iterator[Workbench]:
    """Run `image` under a user ID that it does not know and wait until its probe answers."""
    port = free_port()
    settings = {"WORKBENCH_IDLE_SECONDS": str(IDLE_SECONDS), **({"NB_PREFIX": prefix} if prefix else {})}
    container = engine(
        *("run", "--detach", "--user", ANY_USER, f"--publish=127.0.0.1:{port}:8888"),
        *(f"--env={name}={value}" for name, value in settings.items()),
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
            assert follow(begin).startswith(workbench.page), begin
        kernel = workbench.kernel()
        assert kernel["execution_state"] == "busy"
        assert kernel["last_activity"] > before
        workbench.idle()
        start = time.monotonic()
        engine("stop", "--time=30", workbench.container)
        assert time.monotonic() - start < 10
        status = engine("inspect", "--format={{.State.ExitCode}}", workbench.container)
        assert status in ("0", "143"), "the server was ended by TERM, and not killed"


@pytest.mark.parametrize("prefix", [PREFIX, ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_the_page_comes_up_in_a_browser(engine: Engine, ide: tuple[str, str], prefix: str, tmp_path: Path) -> None:
    browser = shutil.which("chromium", path=search_path())
    if browser is None:
        pytest.skip("chromium not installed")
    name, image = ide
    with started(engine, image, prefix) as workbench:
        asked, during = opened(browser, workbench, SIGNS[name], tmp_path / f"{name}.png")
        assert during["execution_state"] == "busy"
        # TensorBoard's own styles ask for its fonts at the root, and do without where those are not to be had.
        own = [url for url in asked if url.startswith(workbench.address) and not url.endswith(".woff2")]
        assert [url for url in own if not url.startswith(workbench.page)] == []
        assert workbench.idle()["connections"] == 0


def opened(browser: str, workbench: Workbench, sign: str, picture: Path) -> tuple[list[str], dict[str, Any]]:
    """Open the page until `sign` is seen; return every address that it asked for, and what the culler sees."""
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=browser, args=options)
        page = chromium.new_page(viewport={"width": 1200, "height": 800})
        page.set_default_timeout(90_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
        try:
            page.goto(workbench.page)
            page.locator(sign).first.wait_for()
            return asked, workbench.kernel()
        finally:
            page.screenshot(path=picture)
            chromium.close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: the answer itself is looked at."""


def follow(url: str) -> str:
    """Return the address where `url` ends, from a browser that sees TLS; no redirect may name a scheme or a host."""
    opener = urllib.request.build_opener(_Stay)
    for _ in range(10):
        try:
            with opener.open(urllib.request.Request(url, headers={"X-Forwarded-Proto": "https"}), timeout=10):
                return url
        except urllib.error.HTTPError as answer:
            location = answer.headers.get("Location", "")
            assert answer.code in (301, 302, 303, 307, 308), f"{url}: {answer.code}"
            assert "://" not in location, f"{url} leaves for {location}"
            url = urljoin(url, location)
    raise AssertionError(f"{url}: redirects without end")
