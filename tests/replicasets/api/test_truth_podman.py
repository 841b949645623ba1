"""What happens to containers past the service, on real podman: what is shown of it, everywhere."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import need_chromium, page_in
from tests.engine import TINY, need_root
from tests.replicasets.api.test_service import Process, serving
from tests.replicasets.conftest import Podman

__all__ = ["serving"]
pytestmark = pytest.mark.thorough


def found(serving: Process, name: str) -> dict[str, Any]:
    sets = json.loads(serving.well("rs", "list", "--json"))["replicaSets"]
    return next(each for each in sets if each["name"] == name)


def until(what: Callable[[], bool]) -> None:
    # Some of it is noticed by the reconcile of every minute.
    deadline = time.monotonic() + 180
    while not what():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


def kill(podman: Podman, container: str) -> None:
    os.kill(int(podman.engine("inspect", "--format", "{{.State.Pid}}", container)), signal.SIGKILL)


def test_what_died_was_killed_or_removed_is_shown_so_everywhere(
    serving: Process, podman: Podman, tmp_path: Path
) -> None:
    need_root("processes of containers are killed from outside")
    script = "echo first; printf '\\033[31mlast\\033[0m\\n' >&2; exec sleep 1000"
    for name in ("dies", "goes"):
        serving.well("rs", "run", TINY, "--name", name, "--gpus", 1, "--cmd", "sh", "-c", script)
    kill(podman, "dies-1")
    until(lambda: found(serving, "dies")["state"] == "exited")
    podman.engine("rm", "--force", "--time", "0", "goes-1")
    until(lambda: found(serving, "goes")["state"] == "gone")
    assert found(serving, "dies")["ending"]["exitCode"] == 137
    rows = {line.split()[0]: line for line in serving.well("rs", "list").splitlines()}
    assert "exited (137 SIGKILL)" in rows["dies"] and " gone" in rows["goes"]
    info = serving.well("rs", "info", "dies").splitlines()
    assert info[-3:] == ["It wrote last:", "first", "last"]
    with serving.client() as client:
        text = client.get("/metrics").text.splitlines()
        assert {'workbench_sets{state="exited"} 1', 'workbench_sets{state="gone"} 1', "workbench_gpus_used 0"} <= set(
            text
        )
    browser = need_chromium()
    from playwright.sync_api import expect

    with page_in(browser, tmp_path / "page.png") as page:
        page.goto(serving.address)
        page.get_by_label("Token").fill((serving.state / "operate.token").read_text())
        page.get_by_role("button", name="Look in").click()
        expect(page.locator("#sets .exited")).to_have_text("exited (137 SIGKILL)")
        page.get_by_role("button", name="Details of dies").click()
        expect(page.locator("#last")).to_have_text("first\nlast")
    assert serving.well("rs", "restart", "dies") == "dies-2 runs\n"
    assert found(serving, "dies")["ending"] is None
    missing = serving("rs", "restart", "goes")
    assert missing.returncode == 1 and "no longer exists in the engine" in missing.stderr
    serving.well("rs", "delete", "goes")


def test_a_restart_policy_starts_it_again_where_it_was(serving: Process, podman: Podman) -> None:
    need_root("processes of containers are killed from outside")
    serving.well(
        "rs", "run", TINY, "--name", "foo", "--gpus", 1, "--memory", "64MB", "--restart", "on-failure", "--shm", "32MB"
    )
    serving.well("rs", "exec", "foo", "--", "sh", "-c", "echo kept >/v; sync")
    kill(podman, "foo-1")
    until(lambda: found(serving, "foo")["ending"] is not None and found(serving, "foo")["state"] == "running")
    assert serving.well("rs", "exec", "foo", "--", "sh", "-c", "cat /v; ls /dev/nvidia?") == "kept\n/dev/nvidia0\n"
    assert found(serving, "foo")["ending"]["restarts"] == 1
    assert serving.well("rs", "exec", "foo", "--", "sh", "-c", "df -k /dev/shm | tail -1").split()[1] == str(32 << 10)
    serving.well("rs", "stop", "foo")
    assert found(serving, "foo")["state"] == "stopped"


def test_what_ends_at_once_shows_what_it_wrote(serving: Process) -> None:
    done = serving("rs", "run", TINY, "--name", "foo", "--cmd", "sh", "-c", "echo no such file >&2; exit 3")
    assert done.returncode == 1
    assert "foo-1 ended at once with code 3" in done.stderr and "no such file" in done.stderr
    audit = (serving.state / "audit.log").read_text()
    assert "ended at once" in audit and "no such file" not in audit.partition('"message"')[2]


@pytest.mark.slow
def test_one_that_cannot_be_restarted_is_reported_by_readyz_to_who_has_a_token(
    serving: Process, podman: Podman
) -> None:
    need_root("processes of containers are killed from outside")
    serving.well("rs", "run", TINY, "--name", "foo", "--cmd", "sleep", "1000")
    serving.well("rs", "stop", "foo")
    podman.engine("start", "foo-1")
    with serving.client() as client:
        until(lambda: client.get("/readyz").json()["data"]["problems"] == 1)
        data = client.get("/readyz").json()["data"]
        assert [each["set"] for each in data["details"]] == ["foo"] and "by hand" in data["details"][0]["message"]
        client.headers.pop("authorization")
        assert client.get("/readyz").json()["data"]["details"] == []
    assert "by hand" in serving.well("rs", "info", "foo")
