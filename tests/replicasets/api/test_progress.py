"""How far an operation is, for whoever waits: by the API, and by `rs` on a terminal and without."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.catalogues import REPOSITORY
from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import FOO, refused, send
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller

REPLACE = ["freeze", "create", "carry", "end", "record", "create from it", "carry the last", "start", "retire"]
LINES = [f"foo: replace {number}/9 {name}" for number, name in enumerate(REPLACE, 1)]


@contextmanager
def blocked(served: Served, call: str) -> Iterator[Callable[[], None]]:
    """Have the engine wait in the first `call`; yields what waits until it is there."""
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(served.engine, call)

    def waiting(*words: object, **options: object) -> object:
        reached.set()
        assert go_on.wait(60)
        return original(*words, **options)

    setattr(served.engine, call, waiting)
    try:
        yield lambda: _reached(reached)
    finally:
        setattr(served.engine, call, original)
        go_on.set()


def _reached(event: threading.Event) -> None:
    assert event.wait(60)


@contextmanager
def during(
    served: Served, call: str, client: httpx.Client, method: str, path: str, body: object = None
) -> Iterator[None]:
    """Ask, do the body of this while the engine is in `call`, then wait for the answer."""
    running = threading.Thread(target=send, args=(client, method, path, body))
    with blocked(served, call) as reached:
        running.start()
        reached()
        yield
    running.join()


def started(served: Served, *words: str, stderr: int = subprocess.PIPE, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "rs", *words]
    known = {**os.environ, "WORKBENCH_ADDRESS": served.address, "WORKBENCH_TOKEN": served.tokens["op"], **env}
    return subprocess.Popen(command, env=known, stdout=subprocess.PIPE, stderr=stderr, text=True)


def test_an_operation_is_followed_by_the_api(served: Served, client: httpx.Client) -> None:
    assert refused(client, "GET", "/replicaSet/foo/operation") == (404, 1016)
    with during(served, "create", client, "POST", "/replicaSet", FOO):
        expected = {"operation": "run", "steps": ["create", "start"], "at": 1}
        assert send(client, "GET", "/replicaSet/foo/operation") == expected
    assert send(client, "GET", "/replicaSet/foo/operation") is None
    with during(served, "carry", client, "PATCH", "/replicaSet/foo/restart"), served.client("look") as reader:
        assert send(reader, "GET", "/replicaSet/foo/operation") == {
            "operation": "replace",
            "steps": REPLACE,
            "at": 3,
        }
        assert [each["operation"] for each in send(reader, "GET", "/replicaSet")["replicaSets"]] == [
            "replace 3/9 carry"
        ]
    assert [each["operation"] for each in send(client, "GET", "/replicaSet")["replicaSets"]] == [""]


def test_without_a_terminal_each_step_is_a_line(served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    with blocked(served, "carry") as reached:
        process = started(served, "patch", "foo", "--gpus", "1")
        reached()
        assert process.stderr is not None
        # It is told while it waits, not afterwards.
        assert [process.stderr.readline().rstrip() for _ in range(3)] == LINES[:3]
    out, rest = process.communicate(timeout=60)
    assert (process.returncode, out, rest.splitlines()) == (0, "foo-2 runs\n", LINES[3:])


@pytest.mark.parametrize("flag", ["--quiet", "--json"])
def test_no_steps_are_shown_with_quiet_or_json(flag: str, served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    with blocked(served, "carry") as reached:
        process = started(served, "rollback", "foo", "7", flag)
        assert process.communicate(timeout=60)[0] == "" and process.returncode == 1
        process = started(served, "restart", "foo", flag)
        reached()
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert out == ("foo-2 runs\n" if flag == "--quiet" else '{\n  "containerName": "foo-2"\n}\n')


def test_a_terminal_has_one_line_that_is_gone_at_the_end(served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    master, slave = pty.openpty()
    with blocked(served, "carry") as reached:
        process = started(served, "restart", "foo", stderr=slave, TERM="xterm")
        reached()
        os.close(slave)
        output = b""
        while b"replace 3/9 carry" not in output:
            output += os.read(master, 1024)
    assert process.communicate(timeout=60)[0] == "foo-2 runs\n"
    try:
        while piece := os.read(master, 1024):
            output += piece
    except OSError:
        pass  # the other end is closed: a terminal says so by an error
    os.close(master)
    text = output.decode()
    assert text == "".join(f"\r\x1b[K{line}" for line in LINES) + "\r\x1b[K" and "\n" not in text


def test_what_fails_shows_no_steps_that_were_not_done(served: Served) -> None:
    start = served.engine.start

    def refuses(name: str) -> None:
        raise served.engine.refused()

    with blocked(served, "create") as reached:
        served.engine.start = refuses  # type: ignore[method-assign]
        process = started(served, "run", IMAGE, "--name", "foo")
        reached()
        assert process.stderr is not None
        assert process.stderr.readline() == "foo: run 1/2 create\n"
    errors = process.communicate(timeout=60)[1].splitlines()
    served.engine.start = start  # type: ignore[method-assign]
    assert process.returncode == 1
    assert next(line for line in errors if line != "foo: run 2/2 start") == "error: the fake engine refuses"
