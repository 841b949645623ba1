"""`rs exec -it` on real podman, by the real client on a pseudo-terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

from tests.catalogues import REPOSITORY
from tests.engine import TINY
from tests.replicasets.api.conftest import until
from tests.replicasets.api.test_service import Process, serving
from tests.replicasets.conftest import Podman

__all__ = ["serving"]
pytestmark = pytest.mark.thorough
# busybox asks where the cursor is, and goes on without an answer.
PROMPT = "> \x1b\\[6n"


def words(serving: Process, *rest: str) -> list[str]:
    connection = ["--address", serving.address, "--token-file", str(serving.state / "operate.token")]
    return [str(REPOSITORY / "wizard.py"), "rs", "exec", *connection, *rest]


def modes(client: pexpect.spawn[str]) -> list[Any]:
    # The input's speed and characters too; all that a program can set.
    return termios.tcgetattr(client.child_fd)


def typed(serving: Process, *command: str) -> pexpect.spawn[str]:
    env = {**os.environ, "TERM": "vt220", "SECRET_OF_MINE": "1"}
    return pexpect.spawn(
        sys.executable,
        words(serving, "-it", "foo", "--", "env", "PS1=> ", *command),
        env=env,
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=20,
    )


def test_a_terminal_in_a_set(serving: Process, podman: Podman) -> None:
    serving.well("rs", "run", TINY, "--name", "foo", "--cmd", "sleep", "100000")

    def running(what: str) -> Callable[[], bool]:
        return lambda: what in podman.engine("top", "foo-1", "args")

    client = typed(serving, "sh")
    before = modes(client)
    client.expect(PROMPT)
    assert modes(client) != before  # raw
    # The type and the size are handed over, and nothing else of the environment; what is typed is echoed once.
    client.send("stty size; echo $TERM ä $SECRET_OF_MINE.\r")
    client.expect(PROMPT)
    assert client.before == "stty size; echo $TERM ä $SECRET_OF_MINE.\r\n30 100\r\nvt220 ä .\r\n"
    client.setwinsize(40, 120)
    until(lambda: sized(client) == "40 120", 20)
    client.send("sleep 4711\r")
    until(running("sleep 4711"), 20)
    client.send("\x03")
    client.expect("\\^C")
    client.expect(PROMPT)
    assert not running("sleep 4711")()
    # A long paste at a prompt, which echoes each character: conmon and the shell would wait for each other for ever.
    client.send("".join(f"echo {number:090d}\r" for number in range(500)))
    for number in (0, 250, 499):
        client.expect(f"\n{number:090d}\r\n")
    client.expect(PROMPT)
    client.send("exit 3\r")
    client.expect(pexpect.EOF)
    assert modes(client) == before
    client.close()
    assert client.exitstatus == 3

    # Ended from outside: the terminal is as it was, and nothing runs on.
    for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, None)):
        client = typed(serving, "sh", "-c", "sleep 4712 & (sleep 4713 & ) ; echo begun; sleep 4714")
        client.expect("begun")
        until(running("sleep 4714"), 20)
        client.kill(number)
        client.expect(pexpect.EOF)
        assert number == signal.SIGKILL or modes(client) == before
        client.close()
        assert (client.exitstatus, client.signalstatus) == ((code, None) if code else (None, number))
        until(lambda: not running("sleep 47")(), 20)

    piped(serving)

    # The set stops, then the service does.
    client = typed(serving, "sh")
    client.expect(PROMPT)
    serving.well("rs", "restart", "foo")
    client.expect("ended: the set was stopped, or runs as another version now")
    client.expect(pexpect.EOF)
    client = typed(serving, "sh")
    client.expect(PROMPT)
    serving.process.send_signal(signal.SIGTERM)
    client.expect("the service ends")
    client.expect(pexpect.EOF)
    assert modes(client) == before
    assert serving.process.wait(10) == 0
    lines = [json.loads(line) for line in (serving.state / "audit.log").read_text().splitlines()]
    assert lines[-1]["what"]["ended"] == "the service ends"


def sized(client: pexpect.spawn[str]) -> str:
    client.send("stty size\r")
    client.expect("\n(\\d+ \\d+)\r\n")
    found = str(client.match.group(1)) if client.match else ""
    client.expect(PROMPT)
    return found


def piped(serving: Process) -> None:
    """Standard input to its end, and the two outputs apart."""
    data = os.urandom(3_000_000)

    def done(*rest: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
        command = [sys.executable, *words(serving, *rest)]
        found = subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)
        return found.returncode, found.stdout, found.stderr

    assert done("-i", "foo", "--", "cat", given=data) == (0, data, b"")
    assert done("-i", "foo", "--", "sh", "-c", "echo o; echo e >&2; exit 7") == (7, b"o\n", b"e\n")
    assert done("foo", "-i", "--", "nothing-there")[0] == 127
    code, _, errors = done("-it", "foo")
    assert (code, errors.splitlines()[0]) == (2, b"error: -t needs a terminal, and standard input is none")
    code, _, errors = done("foo")
    assert (code, errors) == (2, b"error: there is no command\n  hint: `rs exec -it foo` opens a shell\n")
