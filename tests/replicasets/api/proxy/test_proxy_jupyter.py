"""A real JupyterLab through the service: a kernel, a terminal, 1 GB, and a tab that outlives a patch and a rollback."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser import run_first_cell
from tests.e2e.test_from_nothing import build_minimal
from tests.engine import BaseChoice, need_root
from tests.replicasets.api.conftest import until
from tests.replicasets.api.proxy.real import browser_of, laptop, reached
from tests.replicasets.conftest import Podman
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
ANNA = Caller("anna")
MEGABYTES = 1024
SINK = """
import hashlib, http.server
class Sink(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
        while left and (data := self.rfile.read(min(left, 1 << 20))):
            digest.update(data)
            left -= len(data)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(digest.hexdigest().encode())
http.server.HTTPServer(("", 9000), Sink).serve_forever()
"""


def sh(rs: ReplicaSets, line: str) -> str:
    return rs.execute("lab", ExecuteRequest(["sh", "-c", line], seconds=60)).stdout


def in_terminal(rs: ReplicaSets, page: Page, name: str) -> None:
    """Type into a new terminal of the open JupyterLab, and see in the set what that did."""
    page.locator(".lm-TabBar-addButton:visible").first.click()
    page.locator(".jp-LauncherCard[title*='terminal' i]:visible").last.click()
    page.locator(".jp-Terminal:visible").last.click()

    def typed() -> bool:
        page.keyboard.type(f"echo $((6*7)) >/tmp/{name}\n")
        page.wait_for_timeout(500)
        return sh(rs, f"cat /tmp/{name}") == "42\n"

    until(typed)


def in_notebook(page: Page, code: str, output: str) -> None:
    """Run code in the notebook's first cell, and see what it printed."""
    page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="Untitled.ipynb").click()
    cell = page.locator(".jp-Notebook:visible .jp-Cell .cm-content").first

    def ran() -> bool:
        cell.fill(code)
        cell.press("Control+Enter")
        page.wait_for_timeout(2000)
        return page.locator(".jp-OutputArea-output:visible", has_text=output).first.is_visible()

    until(ran)


def test_jupyterlab_through_the_service(
    room: Callable[..., ReplicaSets], podman: Podman, base: BaseChoice, tmp_path: Path
) -> None:
    need_root("another network namespace")
    image = build_minimal(podman.engine, base, "jupyter", tmp_path)
    rs = room(proxied=True)
    rs.run(RunRequest(image, "lab"), ANNA)
    with laptop() as (host, namespace), reached(rs, tmp_path, host) as at, browser_of(namespace, tmp_path) as page:
        page.set_default_timeout(60_000)
        page.goto(at.link("lab", "anna"))
        page.get_by_role("button", name="Open lab").click()
        page.locator(".jp-LauncherCard").first.wait_for()
        assert page.url.startswith(f"{at.sets}/s/lab/lab")
        # No token is in the browser: the service alone has it.
        assert "token" not in page.url and "WORKBENCH_TOKEN" not in page.content()
        assert "42" in run_first_cell(page)
        in_terminal(rs, page, "first")
        # A body of 1 GB, to a port of the set's own.
        sh(rs, f"cat >/tmp/sink.py <<'END'\n{SINK}\nEND\npython /tmp/sink.py >/dev/null 2>&1 &")
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            for number in range(MEGABYTES):
                piece = bytes([number % 251]) * (1 << 20)
                digest.update(piece)
                yield piece

        headers = {"Authorization": f"Bearer {at.tokens['anna']}", "Content-Length": str(MEGABYTES << 20)}
        address = f"{at.sets}/s/lab:9000/big"
        until(lambda: httpx.get(address, headers={"Authorization": headers["Authorization"]}).status_code == 501)
        assert httpx.put(address, headers=headers, content=pieces(), timeout=600).text == digest.hexdigest()
        # The notebook's kernel ends with the version: JupyterLab may offer another one in front of everything.
        offer = page.locator(".jp-Dialog .jp-mod-accept")
        page.add_locator_handler(offer, lambda accept: accept.click())
        # The tab still is one of the set after a patch and a rollback.
        for number in (1, 2):
            if number == 1:
                rs.patch("lab", PatchRequest(ports=["8888"]), ANNA)
            else:
                rs.rollback("lab", 1, ANNA)
            until(lambda: page.evaluate("fetch('/s/lab/api/kernels').then((found) => found.status)") == 200)
            page.reload()
            in_notebook(page, f"print({number} + 6 * 7)", str(number + 42))
            in_terminal(rs, page, f"again{number}")
