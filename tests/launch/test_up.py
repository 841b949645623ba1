"""`up`, `run`, `ps` and `stop` with real podman, on a chain of images that are made in seconds."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.addresses import is_kept
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import Engine, free_port
from tests.launch.small import NAME, TAG, small_catalogue
from workbench.launch.workbenches import TOKEN

CONTAINER = f"workbench-{NAME}"
IMAGE = f"localhost/workbench-images:{TAG}"
OURS = "localhost/workbench-images:"


def clear(engine: Engine) -> None:
    engine.try_("rm", "--all", "--force", "--time=0")
    engine.try_("volume", "rm", "--all", "--force")
    for name in engine.names():
        if name.startswith(OURS) and ("_2026a_" in name or name == f"{OURS}os-bookworm"):
            engine("untag", name, name)


@pytest.fixture
def empty(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine without images, containers and volumes of ours, and temporary files in the test's folder."""
    clear(engine)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    yield engine
    clear(engine)


def up(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    flags = ["--catalog", folder / "catalogue", "--no-lint", "--out", folder / "recipes", "--log-dir", folder / "logs"]
    return wizard("up", *flags, "--date=20261122", "--no-browser", *arguments)


def ps() -> list[dict[str, Any]]:
    return list(json.loads(wizard("ps", "--json").stdout))


def page(address: str) -> str:
    base, _, query = address.partition("?")
    with urllib.request.urlopen(f"{base}cgi-bin/page?{query}", timeout=30) as response:
        return str(response.read().decode())


def printed(command: str) -> str:
    """Run a command as it was printed, and return what it prints."""
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_nothing_to_an_open_workbench_and_nothing_is_made_again(empty: Engine, tmp_path: Path) -> None:
    small_catalogue(tmp_path)
    shown = up(tmp_path, "--dry-run", "--json")
    assert [(step["step"], step["state"]) for step in json.loads(shown.stdout)] == [
        ("root image", "will be made from packages"),
        ("base image", "will be built"),
        ("recipe", "will be written"),
        ("image", "will be built"),
        ("workbench", "will be started"),
    ]
    assert not (tmp_path / "recipes").exists()

    done = up(tmp_path, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [step["step"] for step in report["steps"]] == ["root image", "base image", "recipe", "image", "workbench"]
    address = report["workbench"]["address"]
    assert address.startswith("http://127.0.0.1:") and "?token=" in address
    assert page(address) == "in as 1001\n"
    assert page(address.partition("=")[0] + "=wrong") == ""
    # The token is in the container's environment alone.
    token = address.partition("=")[2]
    assert f"{TOKEN}={token}" in empty("container", "inspect", "--format", "{{.Config.Env}}", CONTAINER)
    written = [file for file in tmp_path.rglob("*") if file.is_file() and token.encode() in file.read_bytes()]
    assert written == []
    assert token not in empty("image", "inspect", IMAGE) + empty("logs", CONTAINER)

    # Once more, also with the port that it has: nothing is made again.
    before = empty("ps", "--all", "--quiet", "--no-trunc"), empty("images", "--quiet", "--no-trunc")
    again = up(tmp_path, f"--port={address.split(':')[2].partition('/')[0]}")
    assert again.returncode == 0, again.stderr
    assert f"The workbench is open: {address}\n" in again.stdout
    assert f" stop {NAME}\n" in again.stdout
    assert (empty("ps", "--all", "--quiet", "--no-trunc"), empty("images", "--quiet", "--no-trunc")) == before


@pytest.mark.thorough
def test_files_stay_over_stops_rebuilds_and_removals(empty: Engine, tmp_path: Path) -> None:
    small_catalogue(tmp_path)
    made = up(tmp_path, "--yes", "--json")
    assert made.returncode == 0, made.stderr
    address = json.loads(made.stdout)["workbench"]["address"]
    empty("exec", CONTAINER, "sh", "-c", "echo mine >/opt/app-root/src/notebook")

    # Stopped and started with the commands that were printed: the same address, the same files.
    commands = json.loads(made.stdout)["commands"]
    printed(commands["stop"])
    assert [(one["name"], one["state"], one["address"]) for one in ps()] == [(NAME, "exited", "")]
    started = printed(f"{commands['run']} --json")
    assert is_kept(address, json.loads(started)["address"])
    address = json.loads(started)["address"]
    assert json.loads(started)["commands"].keys() == {"show", "stop", "run", "remove"}
    assert empty("exec", CONTAINER, "cat", "/opt/app-root/src/notebook") == "mine"

    # Built again, with another page: the container is a new one, the files and the address stay.
    start = tmp_path / "recipes" / TAG / "start.sh"
    start.write_text(start.read_text().replace("in as", "inside as"))
    rebuilt = wizard("up", start.parent, "--log-dir", tmp_path / "logs", "--catalog", tmp_path / "catalogue", "--yes")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert page(address) == "inside as 1001\n"
    assert empty("exec", CONTAINER, "cat", "/opt/app-root/src/notebook") == "mine"

    # A build ends with the same: it runs the image, and removes it.
    built = wizard("build", start.parent, "--log-dir", tmp_path / "logs", "--json")
    (report,) = json.loads(built.stdout)
    text = wizard("build", start.parent, "--log-dir", tmp_path / "logs").stderr
    assert [command for command in report["commands"].values() if f" {command}\n" not in text] == []

    # Removed: the files stay until they are deleted by name.
    printed(report["commands"]["stop"])
    printed(report["commands"]["remove"])
    assert ps() == []
    printed(f"{report['commands']['run']} --no-browser")
    assert NAME in printed(report["commands"]["address"])
    assert empty("exec", CONTAINER, "cat", "/opt/app-root/src/notebook") == "mine"
    assert wizard("stop", "--delete-files", NAME).returncode == 0
    assert (ps(), empty("volume", "ls", "--quiet")) == ([], "")


@pytest.mark.thorough
def test_a_port_that_is_taken_and_one_that_is_given(empty: Engine, tmp_path: Path) -> None:
    small_catalogue(tmp_path)
    assert up(tmp_path, "--yes").returncode == 0
    (first,) = ps()
    port = first["address"].split(":")[2].partition("/")[0]
    taken = wizard("run", TAG, "--name=second", f"--port={port}")
    assert (taken.returncode, f"port {port} of this machine is taken" in taken.stderr) == (1, True)
    assert wizard("run", TAG, "--name=second").returncode == 0
    mine = free_port()
    assert wizard("run", TAG, "--name=third", f"--port={mine}").returncode == 0
    addresses = {one["name"]: one["address"] for one in ps()}
    assert set(addresses) == {NAME, "second", "third"}
    assert len(set(addresses.values())) == 3
    assert addresses["third"].startswith(f"http://127.0.0.1:{mine}/")
    miss = wizard("stop", "secnd")
    assert (miss.returncode, "did you mean second?" in miss.stderr) == (1, True)
    assert wizard("stop", "--all", "--delete-files").returncode == 0
    assert ps() == []


@pytest.mark.thorough
def test_an_ide_that_does_not_start_shows_its_log_and_the_same_command_goes_on(empty: Engine, tmp_path: Path) -> None:
    small_catalogue(tmp_path)
    script = tmp_path / "catalogue/ides/1-editor/files/start.sh"
    text = script.read_text()
    script.write_text("#!/bin/sh\necho the disk is full >&2\nexit 3\n")
    failed = up(tmp_path, "--yes")
    assert failed.returncode == 1
    assert f"the workbench {NAME} does not run: it is exited\n  | the disk is full\n" in failed.stderr
    script.write_text(text)
    done = up(tmp_path, "--yes", "--force")
    assert done.returncode == 0, done.stderr
    assert [one["state"] for one in ps()] == ["running"]


def test_without_a_terminal_it_asks_for_a_flag_and_does_nothing(empty: Engine, tmp_path: Path) -> None:
    small_catalogue(tmp_path)
    done = up(tmp_path)
    assert done.returncode == 2
    assert "error: there is no terminal to ask on\n  hint: give --yes" in done.stderr
    assert not (tmp_path / "recipes").exists()
    assert not [name for name in empty.names() if name.startswith(OURS)]


def test_without_podman_it_writes_the_recipe_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_catalogue(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    done = up(tmp_path, "--yes")
    assert done.returncode == 1
    assert (tmp_path / "recipes" / TAG / "Containerfile").is_file()
    assert "error: podman is not installed" in done.stderr
    assert "apt-get install podman" in done.stderr
    assert f" up {tmp_path}/recipes/{TAG}` goes on" in done.stderr


@pytest.mark.thorough
def test_a_runtime_image_has_nothing_to_open(empty: Engine, tmp_path: Path) -> None:
    small_catalogue(tmp_path)
    done = up(tmp_path, "--yes", "--ide=runtime")
    assert done.returncode == 0, done.stderr
    assert "run commands in it: podman run --rm -it localhost/workbench-images:runtime-plain" in done.stdout
    assert ps() == []
    refused = wizard("run", TAG.replace("editor", "runtime"))
    assert (refused.returncode, "serves nothing to open" in refused.stderr) == (1, True)


# What waits in the middle of each step, each for a time of its own by which its process is known.
_WAITING = {
    "root image": {"wait_root": "sleep 60.125"},
    "base image": {"wait_base": "sleep 60.25"},
    "image": {"wait_image": "&& sleep 60.5"},
    "workbench": {"wait_start": "[ -e /opt/app-root/src/begun ] || { >/opt/app-root/src/begun; sleep 60.75; }"},
}


@pytest.mark.thorough
@pytest.mark.parametrize("step", _WAITING)
def test_killed_in_a_step_the_same_command_goes_on(empty: Engine, tmp_path: Path, step: str) -> None:
    """SIGKILL, which nobody can clean up after: the next run does."""
    folder = small_catalogue(tmp_path, **_WAITING[step])
    (seconds,) = re.findall(r"sleep ([0-9.]+)", str(_WAITING[step]))
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "up", "--yes", "--no-lint", "--date=20261122"]
    command += ["--catalog", str(folder), "--out", str(tmp_path / "recipes"), "--log-dir", str(tmp_path / "logs")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        wait_for_process(f"sleep\0{seconds}\0")
        killed.send_signal(signal.SIGKILL)
    if step == "workbench":
        empty("kill", CONTAINER)  # its IDE would wait for a minute
    else:
        small_catalogue(tmp_path)
    done = up(tmp_path, "--yes", "--json", "--force")
    assert done.returncode == 0, done.stderr
    assert [(one["name"], one["state"]) for one in ps()] == [(NAME, "running")]
    assert page(ps()[0]["address"]) == "in as 1001\n"
    # Nothing doubled: one container, one volume, one image of each name; nothing left: no folder, no process.
    assert empty("volume", "ls", "--quiet").split() == [CONTAINER]
    assert len(empty("ps", "--all", "--quiet").split()) == 1
    assert os.listdir(tmp_path / "recipes") == [TAG]
    assert [name for name in os.listdir(tmp_path / "tmp") if name.startswith("workbench-os-")] == []
    assert wizard("stop", "--all", "--delete-files").returncode == 0


def wait_for_process(words: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if words in file.read_text(errors="replace"):
                    return
            except OSError:
                continue
        time.sleep(0.05)
    raise AssertionError(f"no process is {words!r}")
