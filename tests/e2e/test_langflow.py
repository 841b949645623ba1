"""Langflow built and started as a platform does: its page, its flows and its files, with NB_PREFIX and without."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import need_chromium, page_in
from tests.e2e.test_bundles import build_bundle
from tests.e2e.test_ides import PREFIX, Workbench, follow, started
from tests.engine import BaseChoice, Engine

# 460 packages take minutes to install. The start script is tested in every run, in tests/front/test_langflow.py.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

# The database responds: the page itself requests this.
HEALTHY = '"db":"ok"'


@pytest.fixture(scope="module")
def langflow(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    image = build_bundle(store, base, "langflow", "langflow", str(tmp_path_factory.mktemp("langflow")))
    yield image
    store("rmi", "--force", image)


@pytest.mark.parametrize("prefix", [PREFIX, ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_langflow_keeps_to_its_path_and_to_its_folder(
    engine: Engine, langflow: str, prefix: str, tmp_path: Path
) -> None:
    browser = need_chromium()
    with started(engine, langflow, prefix, patience=300) as workbench:
        assert workbench.kernel()["name"] == "langflow"
        assert HEALTHY in workbench.get("/health_check")
        for begin in {f"{workbench.address}/", f"{workbench.address}{prefix or '/'}", workbench.page}:
            assert follow(begin, workbench.headers) == workbench.page, begin
        for path in ["/api", "/api/kernels", "/api/v1/version"] if prefix else []:
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{workbench.address}{path}", timeout=10)
        workbench.idle()
        workbench.get("/health_check")
        assert workbench.kernel()["execution_state"] == "idle", "a heartbeat is no activity"
        requested, cookies = create_flow(browser, workbench, tmp_path / "langflow.png")
        own = [url for url in requested if url.startswith(workbench.address)]
        assert [url for url in own if not url.startswith(workbench.page)] == []
        paths = {urlsplit(url).path.removeprefix(prefix) for url in own}
        assert {"/api/v1/auto_login", "/api/v1/flows/"} <= paths
        assert cookies == {f"{prefix}/"}
        assert workbench.idle()["connections"] == 0
        check_files_in_home(engine, workbench)
        engine("stop", "--time=30", workbench.container)
        status = engine("inspect", "--format={{.State.ExitCode}}", workbench.container)
        assert status in ("0", "143"), "the server was ended by TERM, and not killed"


def create_flow(browser: str, workbench: Workbench, picture: Path) -> tuple[list[str], set[str]]:
    """Make a first flow in the browser and find it listed; return the requested addresses and the cookie paths."""
    requested: list[str] = []
    with page_in(browser, picture) as page:
        page.on("request", lambda request: requested.append(request.url))
        page.on("websocket", lambda socket: requested.append(socket.url.replace("ws://", "http://")))
        page.goto(workbench.entry)
        page.get_by_text("Create first flow").click()
        page.wait_for_url("**/flow/**")
        page.locator(".react-flow__pane").wait_for()
        page.goto(f"{workbench.page}flows")
        page.get_by_text("New Flow").first.wait_for()
        assert workbench.kernel()["execution_state"] == "busy"
        # Only the HTTP-only cookies: the page stores the width of its sidebar for the whole host.
        return requested, {cookie["path"] for cookie in page.context.cookies() if cookie["httpOnly"]}


def check_files_in_home(engine: Engine, workbench: Workbench) -> None:
    """What Langflow keeps is in its own folder in the home folder, and none of it is in the image."""
    found = engine("exec", workbench.container, "sh", "-c", "ls -A $HOME/.langflow; ls -A $HOME; id -u").split()
    assert {"langflow.db", "secret_key", ".langflow"} <= set(found)
    assert found[-1] == "12345"
    changed = engine("diff", workbench.container).splitlines()
    databases = [line for line in changed if ".db" in line]
    assert databases
    assert [line for line in databases if "/opt/app-root/src/.langflow/" not in line] == []
