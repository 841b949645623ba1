"""`rs logs` on real podman: last lines with none left open, following, former versions, and who may read."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.catalogues import REPOSITORY
from tests.engine import TINY
from tests.replicasets.api.conftest import until
from tests.replicasets.api.test_service import Process, serving
from tests.replicasets.conftest import Podman

__all__ = ["serving"]
pytestmark = pytest.mark.thorough
# A progress bar is a line that is open for long: podman (4.3) returns the last lines wrong then.
WRITES = (
    "echo one; echo http://x/?token=printed-1; printf 'a'; sleep 0.2; "
    "printf 'b\\n'; printf '1%%'; sleep 0.2; printf '\\r2%%'; "
)
WHOLE = "one\nhttp://x/?token=printed-1\nab\n1%\r2%"


def following(serving: Process, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "rs", "logs", *words, "--follow"]
    command += ["--address", serving.address, "--token-file", str(serving.state / "operate.token")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read(process: subprocess.Popen[bytes], size: int) -> str:
    assert process.stdout is not None
    return process.stdout.read(size).decode()


def test_logs_of_a_set(serving: Process, podman: Podman) -> None:
    script = WRITES + "while [ ! -e /go ]; do sleep 0.1; done; echo; echo ended; sleep 0.3"
    path = "/api/v1/replicaSet/foo"
    with serving.client() as client:

        def text(query: str = "") -> str:
            pieces: list[dict[str, Any]] = client.get(f"{path}/logs?{query}").json()["data"]["pieces"]
            assert {piece["stream"] for piece in pieces} <= {1}  # a set has a terminal
            return "".join(piece["text"] for piece in pieces)

        body = {
            "imageName": TINY,
            "replicaSetName": "foo",
            "env": ["KEY=geheim"],
            "containerPorts": ["8888"],
            "cmd": ["sh", "-c", script],
        }
        assert client.post("/api/v1/replicaSet", json=body).status_code == 200
        until(lambda: text() == WHOLE)
        lasts = {0: "", 1: "1%\r2%", 2: "ab\n1%\r2%", 3: "http://x/?token=printed-1\nab\n1%\r2%", 9: WHOLE}
        assert {tail: text(f"tail={tail}") for tail in lasts} == lasts
        assert (text("since=1h&tail=1"), text("since=2099-01-01")) == ("1%\r2%", "")
        # Its IDE's token is in the log, where none was given.
        opened = client.get(f"{path}/address").json()["data"]
        (port,) = client.get(path).json()["data"]["Info"]["ports"]
        expected = {"host": "127.0.0.1", "port": port["host"], "path": "/", "token": "printed-1", "tunnel": ""}
        assert opened == expected
        # Ready is more than running: something answers.
        waiting = client.get(f"{path}/wait?for=ready&seconds=0.1").json()["data"]
        assert waiting == {"holds": False, "never": False, "reason": "nothing answers at port 8888 of foo yet"}
        served = client.post(f"{path}/execute", json={"cmd": ["httpd", "-p", "8888"]}).json()["data"]
        assert served["exitCode"] == 0
        waiting = client.get(f"{path}/wait?for=ready&seconds=20").json()["data"]
        assert waiting == {"holds": True, "never": False, "reason": ""}
        # Two at once: one goes on to the end of the container, one until Ctrl-C.
        to_end, stopped = following(serving, "foo", "--tail", "1"), following(serving, "foo", "--tail", "2", "--json")
        assert read(to_end, 5) == "1%\r2%" and '"text": "a' in read(stopped, 25)
        stopped.send_signal(signal.SIGINT)
        assert stopped.communicate(timeout=20)[1] == b"interrupted\n" and stopped.returncode == 130
        client.post(f"{path}/execute", json={"cmd": ["touch", "/go"]})
        assert to_end.communicate(timeout=20) == (b"\nended\n", b"") and to_end.returncode == 0
        # It ended: what it wrote is there, and following it ends at once.
        assert client.get(f"{path}/logs?tail=1&follow=true").text == (
            '{"stream": 1, "text": "ended\\n"}\n{"cut": false, "ended": ""}\n'
        )
        assert client.patch(f"{path}/restart").status_code == 200
        assert text("version=1&tail=1") == "ended\n"
        podman.engine("rm", "--force", "--time=0", "foo-1")
        gone = client.get(f"{path}/logs?version=1").json()
        assert gone["msg"] == "the container foo-1 no longer exists in the engine, nor what it wrote"
        assert "geheim" not in text()
    lines = [json.loads(line) for line in (serving.state / "audit.log").read_text().splitlines()]
    assert {line["status"] for line in lines if line["what"].get("operation") == "logs"} == {200, 404}
    # The service does not wait for those who follow.
    follower = following(serving, "foo", "--tail", "2")
    read(follower, 3)
    serving.process.send_signal(signal.SIGTERM)
    assert b"the service ends" in follower.communicate(timeout=20)[1] and follower.returncode == 1
    assert serving.process.wait(10) == 0
