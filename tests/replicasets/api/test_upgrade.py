"""`rs upgrade` and its endpoint: what it shows, what it asks, and what a program is answered."""

from __future__ import annotations

import io
import json

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import FOO, refused, send
from tests.replicasets.fakes import NEWER
from workbench.cli import main


@pytest.fixture
def foo(served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("WORKBENCH_ADDRESS", served.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.tokens["op"])
    send(client, "POST", "/replicaSet", FOO)
    served.engine.write("foo-1", "/v", "mine")
    return served


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_is_refused_and_shown(
    foo: Served, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rs", "upgrade", "foo", "--image", NEWER]) == 1
    error = capsys.readouterr().err
    assert "foo and localhost/tiny:2 both changed 1 path" in error
    assert f"rs upgrade foo --image {NEWER} --dry-run" in error
    assert refused(client, "PATCH", "/replicaSet/foo/upgrade", {"imageName": NEWER}) == (409, 1112)
    assert refused(client, "PATCH", "/replicaSet/foo/upgrade", {"keep": "yours"}) == (422, 1000)
    assert refused(client, "PATCH", "/replicaSet/foo/upgrade", {}) == (404, 1111)
    assert main(["rs", "upgrade", "foo", "--image", NEWER, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"to {NEWER}",
        "",
        "Paths that both changed:",
        "  /v  changed here, changed there",
    ]
    assert main(["rs", "upgrade", "foo", "--image", NEWER, "--keep", "mine", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["containerName"], data["imageName"], data["pathCount"]) == ("foo-2", NEWER, 1)
    assert foo.engine.disk("foo-2")["/v"] == "mine"
    assert [line["what"]["keep"] for line in foo.audit() if line["what"].get("operation") == "upgrade"][-1] == "mine"


@pytest.mark.parametrize(("typed", "value"), [("i\n", "image"), ("what\nmine\n", "mine"), ("\n", ""), ("", "")])
def test_on_a_terminal_it_asks(
    foo: Served, typed: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["rs", "upgrade", "foo", "--image", NEWER]) == 0
    shown = capsys.readouterr()
    assert "  /v  changed here, changed there\n" in shown.err
    assert ("type m, i or n" in shown.err) == typed.startswith("what")
    if value:
        assert shown.out.splitlines()[:2] == ["foo-2 runs", f"its image is {NEWER}"]
        assert foo.engine.disk("foo-2")["/v"] == value
    else:
        assert shown.err.endswith("nothing was changed\n") and "foo-2" not in foo.engine.standing
