"""The service as a process on real podman with fake GPUs: by the verbs, by HTTP, and by its page in a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser import need_chromium, page_in
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import TINY, rootless
from tests.replicasets.conftest import Podman, given

if TYPE_CHECKING:
    from playwright.sync_api import Route


@dataclass
class Process:
    """A `wizard.py serve`, where it listens, and the folder of its state."""

    process: subprocess.Popen[str]
    address: str
    state: Path

    def __call__(self, *words: object) -> CompletedProcess[str]:
        """Run a verb against it."""
        env = {"WORKBENCH_ADDRESS": self.address, "WORKBENCH_TOKEN_FILE": str(self.state / "operate.token")}
        return wizard(*words, env=env)

    def well(self, *words: object) -> str:
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self) -> httpx.Client:
        token = (self.state / "operate.token").read_text().strip()
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def start(podman: Podman, folder: Path) -> Process:
    known = given(podman, folder)
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "serve", "--no-preflight", "--port", "0"]
    command += ["--state", str(folder / "state")]
    command += ["--gpu-kind", podman.kind, "--ports", f"{known['first_port']}-{known['last_port']}"]
    with (folder / "log").open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **podman.engine.env}, stdout=subprocess.PIPE, stderr=output, text=True
        )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), (folder / "log").read_text()
    return Process(process, address, folder / "state")


def end(serving: Process, number: int = signal.SIGTERM) -> int:
    serving.process.send_signal(number)
    code = serving.process.wait(60)
    assert serving.process.stdout is not None
    serving.process.stdout.close()
    return code


@pytest.fixture
def serving(podman: Podman, tmp_path: Path) -> Iterator[Process]:
    found = start(podman, tmp_path)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            assert end(found) == 0


@pytest.mark.thorough
def test_a_set_by_verbs_and_by_http(serving: Process) -> None:
    output = serving.well("rs", "run", TINY, "--name", "foo", "--gpus", 1, "--port", "8888", "--grace", 1)
    assert output.startswith("foo-1 runs  GPU-fake0000  ") and "->8888" in output
    assert (
        serving.well("rs", "exec", "foo", "--", "sh", "-c", "echo kept >/etc/.mine; ls /dev/nvidia?")
        == "/dev/nvidia0\n"
    )
    assert serving.well("rs", "patch", "foo", "--gpus", 3) == "foo-2 runs\n"
    assert serving("rs", "exec", "foo", "--", "sh", "-c", "cat /etc/.mine; echo oh >&2; exit 7").returncode == 7
    serving.well("rs", "exec", "foo", "rm", "/etc/.mine")
    with serving.client() as client:
        response = client.patch("/api/v1/replicaSet/foo/rollback", json={"version": 1})
        assert response.json()["data"] == {"containerName": "foo-3"}
        done = client.post("/api/v1/replicaSet/foo/execute", json={"cmd": ["cat", "/etc/.mine"]}).json()["data"]
        assert (done["stdout"], done["exitCode"]) == ("kept\n", 0)
        assert sum(client.get("/api/v1/resources/gpus").json()["data"]["gpus"].values()) == 1
        assert client.get("/readyz").status_code == 200
    history = json.loads(serving.well("rs", "history", "foo", "--json"))["history"]
    assert [(each["version"], len(each["status"]["gpus"])) for each in history] == [(3, 1), (2, 3), (1, 1)]
    freed = serving.well("rs", "prune", "foo", "--keep", 2, "--dry-run").splitlines()
    # A normal user's disks are committed: the image of a version that others stand on is kept, and frees nothing.
    assert rootless() or (freed[1].split()[0], freed[2].endswith(" MB at least would be free")) == ("1", True)
    gone = 0 if rootless() else 1
    assert len(json.loads(serving.well("rs", "prune", "foo", "--keep", 2, "--json"))["versions"]) == gone
    assert len(json.loads(serving.well("rs", "history", "foo", "--json"))["history"]) == 3 - gone
    listed = serving.well("rs", "list").splitlines()
    assert listed[0].split() == ["NAME", "VERSION", "STATE", "GPUS", "PORTS", "OWNER", "IMAGE"]
    assert listed[1].split()[:4] == ["foo", "3", "running", "GPU-fake0000"]
    assert [line.split() for line in serving.well("rs", "quota").splitlines()[:3]] == [
        ["FIRST.OPERATE", "HAS", "MAY", "HAVE"],
        ["sets", "1"],
        ["gpus", "1"],
    ]
    assert "owner    first.operate" in serving.well("rs", "info", "foo")
    for way, says in (("pause", "is paused"), ("continue", "goes on"), ("stop", "is stopped")):
        assert serving.well("rs", way, "foo") == f"foo {says}\n"
    assert serving.well("rs", "restart", "foo") == "foo-4 runs\n"
    assert serving.well("rs", "commit", "foo", "localhost/mine:1") == ("localhost/workbench/first.operate/mine:1\n")
    assert serving.well("volume", "create", "data") == "data is created, without a limit\n"
    assert serving.well("volume", "list").splitlines()[1].split()[:2] == ["data", "1"]
    assert serving.well("volume", "delete", "data") == "data is deleted\n"
    missing = serving("rs", "stop", "bar")
    assert (missing.returncode, missing.stderr.splitlines()[0]) == (1, "error: there is no set bar")
    assert json.loads(serving("rs", "stop", "bar", "--json").stderr)["code"] == 1010
    assert serving.well("rs", "delete", "foo") == "foo is deleted\n"
    lines = [json.loads(line) for line in (serving.state / "audit.log").read_text().splitlines()]
    operations = [line["what"]["operation"] for line in lines]
    assert operations[:4] == ["run", "execute", "patch", "execute"]
    assert operations.count("execute") == 4


@pytest.mark.thorough
def test_a_service_that_was_killed_finds_its_sets_again(podman: Podman, tmp_path: Path) -> None:
    first = start(podman, tmp_path)
    first.well("rs", "run", TINY, "--name", "foo", "--gpus", 1)
    orphan = int((first.state / "podman.pid").read_text())
    assert end(first, signal.SIGKILL) == -signal.SIGKILL
    os.kill(orphan, 0)
    second = start(podman, tmp_path)
    try:
        gone(orphan)
        assert second.well("rs", "list").splitlines()[1].split()[:3] == ["foo", "1", "running"]
        assert second.well("rs", "delete", "foo") == "foo is deleted\n"
    finally:
        assert end(second) == 0
    away = second("rs", "list")
    assert away.returncode == 1 and "does not answer" in away.stderr


def test_the_page(serving: Process, tmp_path: Path) -> None:
    browser = need_chromium()
    serving.well("rs", "run", TINY, "--name", "foo", "--gpus", 1, "--port", "8888", "--grace", 1)
    serving.well("rs", "exec", "foo", "--", "sh", "-c", "head -c 300000 /dev/zero >>/etc/hosts")
    serving.well("rs", "patch", "foo", "--gpus", 2)
    from playwright.sync_api import expect

    with page_in(browser, tmp_path / "page.png") as page:
        errors: list[str] = []
        requested: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(serving.address)
        late: list[Route] = []
        page.route("**/resources/quota", lambda route: late.append(route), times=1)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Look in").click()
        expect(page.get_by_role("status")).to_contain_text("a token is needed")
        page.get_by_label("Token").fill((serving.state / "operate.token").read_text())
        page.get_by_role("button", name="Look in").click()
        row = page.locator("#sets tr")
        expect(row.locator("td").nth(1)).to_have_text("2")
        # The last response to the wrong token: the right one is not forgotten for it.
        with page.expect_response(lambda response: response.status == 401):
            late[0].continue_()
        page.evaluate("() => new Promise(requestAnimationFrame)")
        expect(row.locator("td").nth(1)).to_have_text("2")
        expect(row.get_by_role("link")).to_have_attribute("href", "http://127.0.0.1:" + port_of(serving) + "/")
        expect(page.locator("#gpus li.used")).to_have_count(2)
        expect(page.locator("#quota")).to_have_text("first.operate may operate")
        # podman lacks nothing of which the page has to say that.
        expect(page.locator("#engine")).to_be_hidden()
        page.get_by_role("button", name="Details of foo").click()
        expect(page.locator("#versions tr").nth(0)).to_contain_text("edits of /etc/hosts are lost")
        # One click replaces nothing: the keyboard is at "Cancel", and what asked has it again.
        page.get_by_role("button", name="Roll back to 1").click()
        expect(page.get_by_role("dialog")).to_contain_text("Roll foo back to version 1?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Roll back to 1")).to_be_focused()
        expect(row.locator("td").nth(1)).to_have_text("2")
        page.get_by_role("button", name="Roll back to 1").click()
        page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        expect(row.locator("td").nth(1)).to_have_text("3")
        expect(page.locator("#gpus li.used")).to_have_count(1)
        page.reload()
        expect(row.locator("td").nth(0)).to_have_text("foo")
        assert errors == []
        assert [url for url in requested if not url.startswith(serving.address)] == []


@pytest.mark.thorough
def test_the_page_of_a_set(serving: Process, tmp_path: Path) -> None:
    browser = need_chromium()
    # A page with the token, a log with a bar and colours, and a file that comes with the second version.
    script = (
        'mkdir /www; echo "in with $WORKBENCH_TOKEN" >/www/index.html; httpd -f -p 8888 -h /www & '
        r"printf 'one \033[31mred\033[0m\n10%%\r99%%\n'; while :; do echo tick; sleep 1; done"
    )
    serving.well("rs", "run", TINY, "--name", "foo", "--port", "8888", "--grace", 1, "--env", "WORKBENCH_TOKEN=abc",
                 "--cmd", "sh", "-c", script)  # fmt: skip
    serving.well("rs", "exec", "foo", "--", "sh", "-c", "echo new >/made-here")
    serving.well("rs", "restart", "foo")
    from playwright.sync_api import expect

    with page_in(browser, tmp_path / "set.png") as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_viewport_size({"width": 375, "height": 800})
        page.goto(serving.address)
        page.get_by_label("Token").fill((serving.state / "operate.token").read_text())
        page.get_by_role("button", name="Look in").click()
        page.get_by_role("button", name="Details of foo").click()
        # A narrow screen is not scrolled to the side.
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        page.get_by_role("button", name="Log foo").click()
        log = page.get_by_role("log")
        expect(log).to_contain_text("one red\n99%\ntick")
        before = log.inner_text().count("tick")
        expect(log).to_contain_text(re.compile(rf"(?:tick\s*){{{before + 2}}}"))
        page.get_by_role("button", name="What changed in 2").click()
        expect(page.locator("#changes")).to_contain_text("From version 1 to 2")
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="Open foo").click()
        opened.value.wait_for_url("**/?token=abc")
        expect(opened.value.locator("body")).to_have_text("in with abc")
        assert opened.value.evaluate("window.opener") is None
        opened.value.close()
        state = page.locator("#sets tr td").nth(2)
        for name, word, now in (
            ("Pause foo", "", "paused"),
            ("Continue foo", "", "running"),
            ("Stop foo", "Stop", "stopped"),
            ("Start foo", "", "running"),
        ):
            page.get_by_role("button", name=name).click()
            if word:
                page.get_by_role("dialog").get_by_role("button", name=word).click()
            expect(state).to_have_text(now)
        page.get_by_role("button", name="Delete foo").click()
        page.keyboard.press("Escape")
        expect(page.locator("#sets tr")).to_have_count(1)
        page.get_by_role("button", name="Delete foo").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.locator("#sets tr")).to_have_count(0)
        expect(page.locator("#past")).to_be_hidden()
        assert errors == []


def gone(process: int) -> None:
    """Wait until there is no such process, or only what its parent has not asked after yet."""
    deadline = time.monotonic() + 20
    while Path(f"/proc/{process}").exists() and "State:\tZ" not in Path(f"/proc/{process}/status").read_text():
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)


def port_of(serving: Process) -> str:
    (found,) = json.loads(serving.well("rs", "list", "--json"))["replicaSets"]
    return str(found["ports"][0]["host"])
