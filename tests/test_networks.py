"""The networks of the tests themselves: each session has addresses of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.catalogues import REPOSITORY
from tests.engine import need_root, search_path
from tests.networks import session_number

_BRIDGE = "wbt99999999"
_OTHER = f"""
import subprocess, sys
from tests.networks import session_number
number = session_number()
print(number, flush=True)
if sys.argv[1:]:
    address = f"addr add 10.{{number}}.0.1/24 dev {_BRIDGE}"
    for command in ("link add {_BRIDGE} type bridge", address, "link set {_BRIDGE} up"):
        subprocess.run(["ip", *command.split()], check=True)
    print("up", flush=True)
sys.stdin.read()
"""


@contextmanager
def other_session(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    env = {**os.environ, "PATH": search_path()}
    command = [sys.executable, "-c", _OTHER, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=env
    ) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def bridges() -> str:
    return subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout


def test_sessions_have_different_addresses_at_the_same_time() -> None:
    with other_session() as (_, first), other_session() as (_, second):
        assert len({first, second, session_number()}) == 3


def test_what_a_killed_session_left_is_removed_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    need_root("only root makes bridges")
    monkeypatch.setenv("PATH", search_path())
    if shutil.which("ip") is None:
        pytest.skip("iproute2 not installed")
    with other_session("bridge") as (process, _):
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        with other_session():
            assert _BRIDGE in bridges()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with other_session():
            assert _BRIDGE not in bridges()
