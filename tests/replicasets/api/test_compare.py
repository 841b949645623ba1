"""`rs diff` and its endpoint."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import FOO, refused, send
from workbench.cli import main

SITE = "/usr/lib/python3/site-packages"


def test_what_changed(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_ADDRESS", served.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.tokens["op"])
    send(client, "POST", "/replicaSet", FOO)
    served.engine.write("foo-1", f"{SITE}/numpy-1.dist-info/METADATA", "x")
    send(client, "PATCH", "/replicaSet/foo/restart")
    served.engine.write("foo-2", "/a\x1b[2J", "xyz")
    served.engine.write("foo-2", f"{SITE}/numpy-2.dist-info/METADATA", "xx")
    del served.engine.standing["foo-2"].disk[f"{SITE}/numpy-1.dist-info/METADATA"]
    assert main(["rs", "diff", "foo", "1", "2"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["CHANGE", "KIND", "PACKAGE", "VERSION"],
        ["changed", "python", "numpy", "1", "->", "2"],
        [],
        ["CHANGE", "BYTES", "FILE"],
        ["added", "3", "bytes", "/a\\x1b[2J"],
        ["removed", "1", "byte", f"{SITE}/numpy-1.dist-info/METADATA"],
        ["added", "2", "bytes", f"{SITE}/numpy-2.dist-info/METADATA"],
        [],
        ["2", "added,", "0", "changed,", "1", "removed;", "4", "bytes", "more"],
    ]
    assert main(["rs", "diff", "foo", "2", "1", "--limit", "1", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (len(data["files"]), data["added"], data["removed"], data["bytes"]) == (1, 1, 2, -4)
    assert main(["rs", "diff", "foo", "2", "1", "--limit", "1"]) == 0
    assert "2 more: --limit 3" in capsys.readouterr().out
    assert refused(client, "GET", "/replicaSet/foo/compare?from=1&to=7") == (404, 1110)
    assert refused(client, "GET", "/replicaSet/foo/compare?from=1") == (422, 1000)
    assert [line["what"]["versions"] for line in served.audit() if line["what"].get("operation") == "compare"]
